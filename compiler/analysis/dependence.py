"""The positions of its inputs that a function's results depend on, from the rules of the ops.

The same walk through the network serves several domains: the proof asks for intervals of offsets,
tests also ask for the exact relation at a finite length.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee
from compiler.mask.interval import HERE, Interval
from compiler.mask.mask import Mask

T = TypeVar("T")


class Domain(ABC, Generic[T]):
    """An abstract domain: its values describe how one position depends on others."""

    @abstractmethod
    def here(self) -> T:
        """Return the value for a position that depends on itself alone."""

    @abstractmethod
    def of(self, mask: Mask) -> T | None:
        """Return the value of a mask; None if the mask allows nothing."""

    @abstractmethod
    def along(self, outer: T, inner: T) -> T:
        """Return the composition of two dependences, one after the other."""

    @abstractmethod
    def either(self, one: T, other: T) -> T:
        """Return the union of two dependences."""


class Intervals(Domain[Interval]):
    """Hulls of offsets: never less than the truth."""

    def here(self) -> Interval:
        return HERE

    def of(self, mask: Mask) -> Interval | None:
        return mask.dependence

    def along(self, outer: Interval, inner: Interval) -> Interval:
        return outer + inner

    def either(self, one: Interval, other: Interval) -> Interval:
        return one | other


def dependence_of(block: Block, function: Function) -> dict[str, Interval]:
    """Return the offsets at which the outputs read each input that they depend on."""
    return dependence(block, function, Intervals())


def dependence(block: Block, function: Function, domain: Domain[T]) -> dict[str, T]:
    """Return how the outputs depend on each input that they depend on."""
    known: dict[str, dict[str, T]] = {
        each.name: {each.name: domain.here()} for each in function.inputs
    }
    for statement in function.body:
        result: dict[str, T] = {}
        direct = _direct(block, statement, domain)
        for value, own in zip(statement.inputs, direct, strict=True):
            if own is not None:
                _join(result, known[value], own, domain)
        known.update(dict.fromkeys(statement.results, result))
    outputs: dict[str, T] = {}
    for value in function.outputs:
        _join(outputs, known[value], domain.here(), domain)
    return outputs


def _join(result: dict[str, T], inner: dict[str, T], outer: T, domain: Domain[T]) -> None:
    for stream, below in inner.items():
        both = domain.along(outer, below)
        result[stream] = domain.either(result[stream], both) if stream in result else both


def _direct(block: Block, statement: Statement, domain: Domain[T]) -> Sequence[T | None]:
    """Return how a statement depends on each of its inputs; None where it does not."""
    if not isinstance(statement.op, Invoke):
        masks = statement.op.dependence(len(statement.inputs))
        return [None if mask is None else domain.of(mask) for mask in masks]
    below = callee(block, statement)
    function = below.function(statement.op.function)
    found = dependence(below, function, domain)
    direct: list[T | None] = [found.get(each.name) for each in function.inputs]
    part = block.part(statement.part) if statement.part else block
    if isinstance(part, Repeat) and direct[0] is not None:
        direct = _repeated(direct, int(part.count.value), domain)
    return direct


def _repeated(direct: list[T | None], count: int, domain: Domain[T]) -> list[T | None]:
    """Return the dependences of `count` blocks in a row: the first input goes through all."""
    first = direct[0]
    assert first is not None
    through, total = domain.here(), list(direct)
    for _ in range(count - 1):
        through = domain.along(through, first)
        total = [
            old if own is None or old is None else domain.either(old, domain.along(through, own))
            for old, own in zip(total, direct, strict=True)
        ]
    return [domain.along(through, first), *total[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A statement that reads other positions of a stream, by a mask, and the words of its place."""

    path: tuple[str, ...]
    statement: Statement
    mask: Mask


def reads_of(
    block: Block, function: Function, stream: str, path: tuple[str, ...] = ()
) -> Iterator[Read]:
    """Yield all such statements between `function`'s input `stream` and its outputs."""
    carries = {stream}
    for statement in function.body:
        carried = [value in carries for value in statement.inputs]
        if not any(carried):
            continue
        if isinstance(statement.op, Invoke):
            carries.update(statement.results)
            below = callee(block, statement)
            inner = below.function(statement.op.function)
            for is_carried, each in zip(carried, inner.inputs, strict=True):
                if is_carried:
                    yield from reads_of(below, inner, each.name, (*path, *_place(block, statement)))
            continue
        masks = statement.op.dependence(len(carried))
        read = {
            mask for is_carried, mask in zip(carried, masks, strict=True) if is_carried and mask
        }
        carries.update(statement.results if read else ())
        for mask in read:
            if mask.dependence != HERE:
                yield Read(path=path, statement=statement, mask=mask)


def _place(block: Block, statement: Statement) -> tuple[str, ...]:
    """The words for what a statement calls: `self_attention`, or `layer 6` of several."""
    if not statement.part:
        return ()
    part = block.part(statement.part)
    return (f"layer {part.first + 1}" if isinstance(part, Repeat) else statement.part,)
