"""Beam search over given sources, without batches of texts."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import BEGIN
from runtime.inference.beam_search import BeamSearcher, Hypothesis
from runtime.inference.ends import END_ALONE, Ends
from runtime.inference.network import read_all_but_last


@torch.inference_mode()
def beam_search(
    model: Any,
    source: Tensor,
    limits: Sequence[int],
    decoding: BeamSearch,
    *,
    n_best: int = 1,
    prefix: Tensor | None = None,
    ends: Ends = END_ALONE,
) -> list[list[Hypothesis]]:
    """Searches for translations of source [batch, source] after a prefix [batch, prefix]."""
    text = torch.full((source.size(0), 1), BEGIN, device=source.device)
    if prefix is not None:
        text = torch.cat((text, prefix), dim=1)
    state = model.start(source)
    read_all_but_last(model, state, text)
    return BeamSearcher(decoding).decode(model, state, text, limits, n_best=n_best, ends=ends)
