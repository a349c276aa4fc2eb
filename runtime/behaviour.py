"""Whether two packages compute the same, and if not, the first operation that does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from torch import Tensor, nn

from runtime.data.symbols import PADDING
from runtime.package import Package
from runtime.probe import fill_by_name, length_of, rows_of, texts
from runtime.trace import Op, Trace, Traced, trace

TOLERANCE = 1e-6
SEEDS = (1, 2)

Texts = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """An operation of both sides that differs, in its values or in what it is.

    `before` or `after` is None where that side has no more of them. `largest` is the largest
    difference of two numbers of their results, relative to the largest of them; None where these
    have other shapes.
    """

    before: Op | None
    after: Op | None
    largest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourDifference:
    """Of two packages on the same input: equal outputs, or where they begin to differ.

    `shared` of the `parameters` of the second are the first's. `largest` is that of the outputs,
    None where these have other shapes. `values` is the first operation whose result differs,
    `structure` the first that is another one: it may be harmless, or the reason for the former.
    """

    is_equal: bool
    shared: int
    parameters: int
    largest: float | None
    values: Divergence | None
    structure: Divergence | None


def behaviour_difference(a: Package, b: Package) -> BehaviourDifference:
    """What `b` computes against `a`, in float64, on inputs that show the edges of all masks.

    Weights are random, equal where names and shapes are.
    """
    with _exactly():
        models = [_model(each) for each in (a, b)]
        for seed in SEEDS:
            given = _inputs((a, b), models, seed)
            before, after = (trace(*each, frozenset()) for each in zip(models, given, strict=True))
            largest = _largest_of_outputs(before, after, given)
            if largest is None or largest > TOLERANCE:
                return _difference(models, given, before, after, largest)
    shared, parameters = _shared(*models)
    return BehaviourDifference(
        is_equal=True,
        shared=shared,
        parameters=parameters,
        largest=largest,
        values=None,
        structure=None,
    )


@contextmanager
def _exactly() -> Iterator[None]:
    """In float64, which leaves room between what is rounded and what differs."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def _model(package: Package) -> nn.Module:
    model = package.model_class().eval()
    fill_by_name(model)
    return model


def _inputs(packages: tuple[Package, ...], models: list[nn.Module], seed: int) -> list[Texts]:
    """The same for both where they have the same inputs, of tokens that both know."""
    length = max(length_of(each.spec) for each in packages)
    limits = [each.spec.model.positions for each in packages]
    length = min(length, *(each for each in limits if each), length)
    rows = [rows_of(each.spec) for each in packages]
    common = {name: min(each[name] for each in rows) for name in rows[0]}
    return [texts(model, common, length, seed) for model in models]


def _shared(a: nn.Module, b: nn.Module) -> tuple[int, int]:
    """How many parameters of the second are the first's, and how many it has."""
    shapes = {name: each.shape for name, each in a.named_parameters()}
    sizes = [(each.numel(), shapes.get(name) == each.shape) for name, each in b.named_parameters()]
    return sum(size for size, is_shared in sizes if is_shared), sum(size for size, _ in sizes)


def _difference(
    models: list[nn.Module], given: list[Texts], before: Trace, after: Trace, largest: float | None
) -> BehaviourDifference:
    pairs = _aligned(before.ops, after.ops)
    places = {
        "values": _first_of_values(before.ops, after.ops, pairs),
        "structure": _first_of_structure(before.ops, after.ops),
    }
    again = [
        trace(model, each, frozenset(place[side] for place in places.values() if place))
        for side, (model, each) in enumerate(zip(models, given, strict=True))
    ]
    shared, parameters = _shared(*models)
    found = {name: _divergence(place, *again) for name, place in places.items()}
    return BehaviourDifference(
        is_equal=False, shared=shared, parameters=parameters, largest=largest, **found
    )


def _aligned(before: list[Traced], after: list[Traced]) -> list[tuple[int, int]]:
    """Operations of the same kind in the same order on both sides."""
    one, other = ([each.kind for each in ops] for ops in (before, after))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(one + n, other + n) for one, other, size in blocks for n in range(size)]


def _first_of_values(
    before: list[Traced], after: list[Traced], pairs: list[tuple[int, int]]
) -> tuple[int, int]:
    """What comes after the last agreement before the first disagreement."""
    last = (-1, -1)
    for one, other in pairs:
        if not before[one].agrees(after[other]):
            break
        last = one, other
    return last[0] + 1, last[1] + 1


def _first_of_structure(before: list[Traced], after: list[Traced]) -> tuple[int, int] | None:
    for place, (one, other) in enumerate(zip(before, after, strict=False)):
        if one.kind != other.kind:
            return place, place
    shorter = min(len(before), len(after))
    return None if len(before) == len(after) else (shorter, shorter)


def _divergence(place: tuple[int, int] | None, before: Trace, after: Trace) -> Divergence | None:
    if place is None:
        return None
    first, second = place
    results = before.results.get(first, ()), after.results.get(second, ())
    return Divergence(before=before.op(first), after=after.op(second), largest=_largest(*results))


def _largest_of_outputs(before: Trace, after: Trace, given: list[Texts]) -> float | None:
    """Of real positions: what is computed of padding means nothing."""
    one, other = (_real(*each) for each in zip((before, after), given, strict=True))
    return _largest((one,), (other,))


def _real(trace: Trace, given: Texts) -> Tensor:
    """output [text, position, ...] -> [real position, ...]; or of whole texts as it is"""
    tokens = given.get("target", given.get("source"))
    if tokens is None or trace.output.shape[:2] != tokens.shape:
        return trace.output
    return trace.output[tokens != PADDING]


def _largest(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> float | None:
    """The largest difference of two numbers, relative to the largest number."""
    if [each.shape for each in one] != [each.shape for each in other] or not one:
        return None
    found = 0.0
    for left, right in zip(one, other, strict=True):
        if left.numel():
            numbers = [each.to(torch.float64) for each in (left, right)]
            scale = max(each.abs().max().item() for each in numbers) or 1.0
            found = max(found, (numbers[0] - numbers[1]).abs().max().item() / scale)
    return found
