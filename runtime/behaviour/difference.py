"""Tell whether two packages compute the same and, if not, which operation differs first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from torch import Tensor, nn

from runtime.behaviour.probe import Call, calls, fill_by_name, length_of, rows_of, texts
from runtime.behaviour.trace import Op, Trace, Traced, trace
from runtime.package import Package

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
    """The outputs of two packages on the same input are equal, or here they begin to differ.

    `shared` of the `parameters` of the second are the first's. `largest` is that of the outputs,
    None where these have other shapes. `call` is what the networks were asked for: `forward`, or in
    decoding `step 3`. `values` is the first operation whose result differs, `structure` the first
    that is another one: it may be harmless, or the reason for the former.
    """

    is_equal: bool
    shared: int
    parameters: int
    call: str = ""
    largest: float | None = None
    values: Divergence | None = None
    structure: Divergence | None = None


def behaviour_difference(a: Package, b: Package) -> BehaviourDifference:
    """Compare what `b` and `a` compute, in float64, on inputs that show the edges of all masks.

    Weights are random, equal where names and shapes are. What is decoded counts, too.
    """
    with _exactly():
        models = [_model(each) for each in (a, b)]
        shared, parameters = _shared(*models)
        difference = _Difference(models=models, shared=shared, parameters=parameters)
        for seed in SEEDS:
            given = _inputs((a, b), models, seed)
            if found := difference.of(given):
                return found
    return BehaviourDifference(is_equal=True, shared=shared, parameters=parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """Two networks, and how many parameters of the second are the first's."""

    models: list[nn.Module]
    shared: int
    parameters: int

    def of(self, given: list[Texts]) -> BehaviourDifference | None:
        """Returns the difference of the first call whose results are not the same."""
        for pair in zip(*self.calls(given), strict=False):
            with torch.no_grad():
                outputs = [_real(call.run(), call) for call in pair]
            largest = _largest(outputs[:1], outputs[1:])
            if largest is None or largest > TOLERANCE:
                return self.found(given, pair[0].name, largest)
        return None

    def calls(self, given: list[Texts]) -> list[Iterator[Call]]:
        """Yields the calls of each network, with its inputs."""
        return [calls(*each) for each in zip(self.models, given, strict=True)]

    def found(self, given: list[Texts], call: str, largest: float | None) -> BehaviourDifference:
        """Goes there twice more: to record the operations, and to keep the results that differ."""
        before, after = (self.once_more(side, given, call, frozenset()) for side in (0, 1))
        values = _first_of_values(before.ops, after.ops)
        structure = _first_of_structure(before.ops, after.ops)
        again = [
            self.once_more(
                side, given, call, frozenset(each[side] for each in (values, structure) if each)
            )
            for side in (0, 1)
        ]
        return BehaviourDifference(
            is_equal=False,
            shared=self.shared,
            parameters=self.parameters,
            call=call,
            largest=largest,
            values=_divergence(values, *again),
            structure=_divergence(structure, *again),
        )

    def once_more(self, side: int, given: list[Texts], name: str, wanted: frozenset[int]) -> Trace:
        """The call of this name, after those before it."""
        with torch.no_grad():
            for call in self.calls(given)[side]:
                if call.name == name:
                    break
                call.run()
        return trace(self.models[side], call.run, wanted)


@contextmanager
def _exactly() -> Iterator[None]:
    """Runs in float64, which leaves room between what is rounded and what differs."""
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
    """Returns inputs of tokens that both know, equal where both networks have the same inputs."""
    length = max(length_of(each.spec) for each in packages)
    limits = [each.spec.model.positions or length for each in packages]
    length = min(length, *limits)
    rows = [rows_of(each.spec) for each in packages]
    common = {name: min(each[name] for each in rows) for name in rows[0]}
    return [texts(model, common, length, seed) for model in models]


def _shared(a: nn.Module, b: nn.Module) -> tuple[int, int]:
    """Returns the number of parameters of the second that are the first's, and of all of them."""
    shapes = {name: each.shape for name, each in a.named_parameters()}
    sizes = [(each.numel(), shapes.get(name) == each.shape) for name, each in b.named_parameters()]
    return sum(size for size, is_shared in sizes if is_shared), sum(size for size, _ in sizes)


def _aligned(before: list[Traced], after: list[Traced]) -> list[tuple[int, int]]:
    """Operations of the same kind in the same order on both sides."""
    one, other = ([each.kind for each in ops] for ops in (before, after))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(one + n, other + n) for one, other, size in blocks for n in range(size)]


def _first_of_values(before: list[Traced], after: list[Traced]) -> tuple[int, int]:
    """Returns the operation after the last agreement before the first disagreement."""
    last = (-1, -1)
    for one, other in _aligned(before, after):
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


def _real(output: Tensor, call: Call) -> Tensor:
    """output [text, position, ...] -> [real position, ...]; or of whole texts as it is

    Those of padding mean nothing.
    """
    if call.real is None or output.shape[:2] != call.real.shape:
        return output
    return output[call.real]


def _largest(one: Sequence[Tensor], other: Sequence[Tensor]) -> float | None:
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
