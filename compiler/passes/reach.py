"""How far a function sees, as intervals; and where it sees what it must not."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Function, Invoke, Statement, callee
from compiler.mask.interval import HERE, Interval
from compiler.mask.mask import Mask
from compiler.passes.flow import Intervals, dependence


def reach_of(block: Block, function: Function) -> dict[str, Interval]:
    """For each input that the outputs depend on: the offsets at which they read it."""
    return dependence(block, function, Intervals())


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A statement that reads other positions of a stream, by a mask; and the way to it."""

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
                    yield from reads_of(below, inner, each.name, (*path, statement.part))
            continue
        masks = statement.op.reach(len(given))
        read = {mask for is_given, mask in zip(given, masks, strict=True) if is_given and mask}
        carries.update(statement.results if read else ())
        for mask in read:
            if mask.reach != HERE:
                yield Read(path=path, statement=statement, mask=mask)
