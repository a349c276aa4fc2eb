"""The average of several checkpoints, which translates better than the last one (section 6.1)."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor


def average_weights(paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights in some `model.safetensors`, added up in float64.

    Goes through the files tensor by tensor, so that it needs the room of one model only.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, framework="pt")) for path in paths]
        names = files[0].keys()
        return {name: _mean([file.get_tensor(name) for file in files]) for name in names}


def _mean(tensors: list[Tensor]) -> Tensor:
    return torch.stack(tensors).double().mean(dim=0).to(tensors[0].dtype)
