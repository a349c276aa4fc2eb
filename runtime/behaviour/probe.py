"""A network's input and weights that depend on names alone: equal networks get equal ones."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from compiler.spec.spec import Spec
from runtime.data.symbols import MASK, PADDING

TEXTS = 3
SHORTEST, LONGEST = 16, 257
SETTINGS = ("mask", "max_distance", "convolution")
"""The settings whose numbers say how far a position sees."""


def fill_by_name(model: nn.Module) -> None:
    """Every parameter gets random numbers of a size that keeps results within bounds."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=_generator(name), dtype=torch.float64)
            if parameter.dim() > 1:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(name.endswith("weight") + 0.1 * noise)


def texts(model: nn.Module, rows: dict[str, int], length: int, seed: int) -> dict[str, Tensor]:
    """name of an input [text, position]: tokens, and behind some of the texts padding.

    `rows` are those of each vocabulary.
    """
    found = {}
    for name in map(_side, signature(model.forward).parameters):
        generator = _generator(f"{name} {seed}")
        low = MASK + 1 if name != "segments" else 0
        tokens = torch.randint(low, rows[name], (TEXTS, length), generator=generator)
        if name != "segments":
            for text in range(1, TEXTS):
                tokens[text, length - text * length // (TEXTS + 1) :] = PADDING
        found[name] = tokens
    return found


def _side(name: str) -> str:
    """Return the vocabulary of an input; a language model called its `tokens` a target once."""
    return "target" if name == "tokens" else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Something that a network is asked for, once: `real` says which positions of it count."""

    name: str
    run: Callable[[], Tensor]
    real: Tensor | None = None


def calls(model: nn.Module, texts: dict[str, Tensor]) -> Iterator[Call]:
    """All at once, and position by position if it decodes. Each call must be made, in order."""
    is_real = texts.get("target", texts.get("source"))
    assert is_real is not None, "every network reads a source or a target"
    yield Call(name="forward", run=lambda: model(*texts.values()), real=is_real != PADDING)
    if hasattr(model, "step"):
        yield from _steps(model, **texts)


def _steps(model: Any, target: Tensor, source: Tensor | None = None) -> Iterator[Call]:
    states: list[object] = []

    def start() -> Tensor:
        states.append(model.start(target if source is None else source))
        return torch.empty(0)

    def step(token: Tensor, parent: Tensor) -> Tensor:
        return model.step(token, parent, states[0])

    yield Call(name="start", run=start)
    for position in range(target.size(1)):
        token = target[:, position : position + 1]
        run = partial(step, token, torch.zeros_like(token))
        yield Call(name=f"step {position}", run=run, real=token != PADDING)


def rows_of(spec: Spec) -> dict[str, int]:
    """Returns the number of tokens that each input may have, and that of kinds of segments."""
    vocabulary, segments = spec.model.vocabulary, spec.model.embedding.segments
    sides = {side: vocabulary.size or getattr(vocabulary, side) for side in ("source", "target")}
    return {**sides, "segments": segments or 1}


def length_of(spec: Spec) -> int:
    """A length that shows the edges of its masks, as far as it has positions."""
    edges = [int(each) for each in _numbers(spec.model.model_dump(mode="json"), is_seen=False)]
    longest = min(max([SHORTEST, *(2 * edge + 1 for edge in edges)]), LONGEST)
    return min(longest, spec.model.positions or longest)


def _numbers(settings: object, *, is_seen: bool) -> Iterator[str]:
    """The whole numbers in settings that say how far a position sees."""
    match settings:
        case dict():
            for key, value in settings.items():
                yield from _numbers(value, is_seen=is_seen or key in SETTINGS)
        case list():
            for value in settings:
                yield from _numbers(value, is_seen=is_seen)
        case int() | str() if is_seen:
            yield from re.findall(r"\d+", str(settings))


def _generator(name: str) -> torch.Generator:
    seed = int.from_bytes(sha256(name.encode()).digest()[:4], "big")
    return torch.Generator().manual_seed(seed)
