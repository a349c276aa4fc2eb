"""Which positions of its inputs a function's results depend on, from the rules of the ops.

The same walk through the network serves any kind of answer: the proof asks for intervals of
offsets, tests also for the exact relation at a finite length.
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
    """What is said of a dependence between two positions."""

    @abstractmethod
    def here(self) -> T:
        """Each position depends on itself."""

    @abstractmethod
    def of(self, mask: Mask) -> T | None:
        """What a mask allows; None if it allows nothing."""

    @abstractmethod
    def along(self, outer: T, inner: T) -> T:
        """One after the other."""

    @abstractmethod
    def either(self, one: T, other: T) -> T:
        """Both ways."""


class Intervals(Domain[Interval]):
    """Hulls of offsets: never less than the truth."""

    def here(self) -> Interval:
        return HERE

    def of(self, mask: Mask) -> Interval | None:
        return mask.reach

    def along(self, outer: Interval, inner: Interval) -> Interval:
        return outer + inner

    def either(self, one: Interval, other: Interval) -> Interval:
        return one | other


def dependence(block: Block, function: Function, domain: Domain[T]) -> dict[str, T]:
    """For each input that the outputs depend on: how."""
    known: dict[str, dict[str, T]] = {
        each.name: {each.name: domain.here()} for each in function.inputs
    }
    for statement in function.body:
        result: dict[str, T] = {}
        ways = _ways(block, statement, domain)
        for value, way in zip(statement.inputs, ways, strict=True):
            if way is not None:
                _join(result, known[value], way, domain)
        known.update(dict.fromkeys(statement.results, result))
    outputs: dict[str, T] = {}
    for value in function.outputs:
        _join(outputs, known[value], domain.here(), domain)
    return outputs


def _join(result: dict[str, T], inner: dict[str, T], way: T, domain: Domain[T]) -> None:
    for stream, below in inner.items():
        both = domain.along(way, below)
        result[stream] = domain.either(result[stream], both) if stream in result else both


def _ways(block: Block, statement: Statement, domain: Domain[T]) -> Sequence[T | None]:
    """How one statement depends on each of its inputs; None where it does not."""
    if not isinstance(statement.op, Invoke):
        masks = statement.op.reach(len(statement.inputs))
        return [None if mask is None else domain.of(mask) for mask in masks]
    below = callee(block, statement)
    function = below.function(statement.op.function)
    found = dependence(below, function, domain)
    ways: list[T | None] = [found.get(each.name) for each in function.inputs]
    part = block.part(statement.part) if statement.part else block
    if isinstance(part, Repeat) and ways[0] is not None:
        ways = _repeated(ways, int(part.count.value), domain)
    return ways


def _repeated(ways: list[T | None], count: int, domain: Domain[T]) -> list[T | None]:
    """`count` times one after the other on the first input: what is inside reads through it."""
    first = ways[0]
    assert first is not None
    through, total = domain.here(), list(ways)
    for _ in range(count - 1):
        through = domain.along(through, first)
        total = [
            old if way is None or old is None else domain.either(old, domain.along(through, way))
            for old, way in zip(total, ways, strict=True)
        ]
    return [domain.along(through, first), *total[1:]]


def reach_of(block: Block, function: Function) -> dict[str, Interval]:
    """For each input that the outputs depend on: the offsets at which they read it."""
    return dependence(block, function, Intervals())


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A statement that reads other positions of a stream, by a mask, and the words of its place."""

    path: tuple[str, ...]
    statement: Statement
    mask: Mask


def reads_of(
    block: Block, function: Function, stream: str, path: tuple[str, ...] = ()
) -> Iterator[Read]:
    """All such statements between `function`'s input `stream` and its outputs."""
    carries = {stream}
    for statement in function.body:
        given = [value in carries for value in statement.inputs]
        if not any(given):
            continue
        if isinstance(statement.op, Invoke):
            carries.update(statement.results)
            below = callee(block, statement)
            inner = below.function(statement.op.function)
            for is_given, each in zip(given, inner.inputs, strict=True):
                if is_given:
                    yield from reads_of(below, inner, each.name, (*path, *_place(block, statement)))
            continue
        masks = statement.op.reach(len(given))
        read = {mask for is_given, mask in zip(given, masks, strict=True) if is_given and mask}
        carries.update(statement.results if read else ())
        for mask in read:
            if mask.reach != HERE:
                yield Read(path=path, statement=statement, mask=mask)


def _place(block: Block, statement: Statement) -> tuple[str, ...]:
    """The words for what a statement calls: `self_attention`, or `layer 6` of several."""
    if not statement.part:
        return ()
    part = block.part(statement.part)
    return (f"layer {part.first + 1}" if isinstance(part, Repeat) else statement.part,)
