"""Our network beside one of other people's with the same weights: each pair is built once."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from compiler.pipeline import compile_spec
from compiler.spec.spec import Spec
from tests.parity.importing import HERE, map_file, with_weights
from tests.parity.peer import BEGIN, PADDING, Peer

MODELS = sorted(file.parent.name for file in HERE.glob("*/build.py"))
LENGTH, PROMPT, STEPS = 24, 5, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The largest difference of logits; what each writes greedily, where it can."""

    name: str
    spec: Spec
    parameters: int
    difference: float
    ours: list[list[int]]
    theirs: list[list[int]]


@cache
def compare(name: str, *settings: str) -> Comparison:
    """All that is asked of a pair, ours with other settings than its spec's, as after `--set`."""
    compiled = compile_spec(str(HERE / name / "spec.yaml"), settings)
    peer: Peer = importlib.import_module(f"tests.parity.{name}.build").build()
    with TemporaryDirectory() as workplace:
        model = with_weights(compiled, peer.tensors, map_file(name), Path(workplace))
    texts = _texts(compiled.spec)
    with torch.inference_mode():
        given = (*texts, *_segments(compiled.spec, texts))
        difference = _difference(model(*given), peer.logits(*given), texts[-1])
        ours, theirs = _written(compiled.spec, model, peer, texts)
    return Comparison(
        name=name,
        spec=compiled.spec,
        parameters=sum(each.numel() for each in model.parameters()),
        difference=difference,
        ours=ours,
        theirs=theirs,
    )


def _texts(spec: Spec) -> tuple[Tensor, ...]:
    """Two where the model translates, [3, LENGTH] each; some are shorter than the others."""
    generator = torch.Generator().manual_seed(3)
    rows = spec.model.vocabulary.size
    assert rows is not None
    texts = tuple(
        torch.randint(4, rows, (3, LENGTH), generator=generator) for _ in spec.model.stacks()
    )
    for number, text in enumerate(texts):
        text[1 + number, 15:] = PADDING
    return texts


def _segments(spec: Spec, texts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The first ten tokens are of the first segment, if the model knows several."""
    if spec.model.embedding.segments is None:
        return ()
    return ((torch.arange(LENGTH) >= 10).long().expand_as(texts[0]),)


def _difference(ours: Tensor, theirs: Tensor, text: Tensor) -> float:
    """The largest, at the positions where there is text."""
    differences = (ours - theirs).abs()
    of_tokens = differences[text != PADDING] if differences.dim() == 3 else differences
    return float(of_tokens.max())


def _written(
    spec: Spec, model: Any, peer: Peer, texts: tuple[Tensor, ...]
) -> tuple[list[list[int]], list[list[int]]]:
    """What ours writes step by step, and theirs by a pass over all before each token."""
    if spec.model.decoder is None:
        return [], []
    *source, prompt = texts
    prompt = torch.full((3, 1), BEGIN) if source else prompt[:, :PROMPT]
    state = model.start(*source or [prompt])
    parent = torch.zeros(3, 1, dtype=torch.long)

    def stepped(text: Tensor) -> Tensor:
        return model.project(model.step(text[:, -1:], parent, state))

    for place in range(1, prompt.size(1)):
        stepped(prompt[:, :place])
    return (
        _greedy(prompt, stepped),
        _greedy(prompt, lambda text: peer.logits(*source, text)),
    )


def _greedy(text: Tensor, logits: Callable[[Tensor], Tensor]) -> list[list[int]]:
    """STEPS tokens after a text [batch, position], each the likeliest that it has not yet.

    Left to themselves, models with weights at random say one token over and over.
    """
    for _ in range(STEPS):
        newest = logits(text)[:, -1].scatter(1, text, -torch.inf)
        newest[:, PADDING] = -torch.inf
        text = torch.cat((text, newest.argmax(dim=-1, keepdim=True)), dim=1)
    return text[:, -STEPS:].tolist()
