"""Which positions of its inputs a function's results depend on, from the rules of the ops."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee
from compiler.ops.op import HERE, Interval

Reach = dict[str, Interval]


def reach_of(block: Block, function: Function) -> Reach:
    """For each input that the outputs depend on: the offsets at which they read it."""
    reaches: dict[str, Reach] = {each.name: {each.name: HERE} for each in function.inputs}
    for statement in function.body:
        own = _own(block, statement)
        result: Reach = {}
        for value, interval in zip(statement.inputs, own, strict=True):
            if interval is not None:
                _join(result, reaches[value], interval)
        reaches.update(dict.fromkeys(statement.results, result))
    outputs: Reach = {}
    for value in function.outputs:
        _join(outputs, reaches[value], HERE)
    return outputs


def batch_reach_of(block: Block, function: Function) -> Interval:
    """The same for the sentences of the batch: along a path offsets add up."""
    total = HERE
    for statement in function.body:
        if isinstance(statement.op, Invoke):
            below = callee(block, statement)
            total = total + batch_reach_of(below, below.function(statement.op.function))
        else:
            total = total + statement.op.batch_reach()
    return total


def _own(block: Block, statement: Statement) -> tuple[Interval | None, ...]:
    """The reach of one statement into each of its inputs; None into those that it ignores."""
    if not isinstance(statement.op, Invoke):
        return statement.op.reach(len(statement.inputs))
    below = callee(block, statement)
    function = below.function(statement.op.function)
    reach = reach_of(below, function)
    own = [reach.get(each.name) for each in function.inputs]
    part = block.part(statement.part) if statement.part else block
    if isinstance(part, Repeat) and own[0] is not None:
        own = _repeated(own, int(part.count.value))
    return tuple(own)


def _repeated(own: list[Interval | None], count: int) -> list[Interval | None]:
    """`count` times one after the other on the first input: inner reaches add to the first's."""
    first = own[0]
    assert first is not None
    along = HERE
    hulls = list(own)
    for _ in range(count - 1):
        along = along + first
        hulls = [
            None if hull is None or each is None else hull | (along + each)
            for hull, each in zip(hulls, own, strict=True)
        ]
    return [along + first, *hulls[1:]]


def _join(result: Reach, reach: Reach, interval: Interval) -> None:
    for stream, inner in reach.items():
        both = interval + inner
        result[stream] = result[stream] | both if stream in result else both


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A statement that reads later positions of a stream, and the way to it."""

    path: tuple[str, ...]
    statement: Statement


def leaks(block: Block, function: Function, stream: str, path: tuple[str, ...]) -> Iterator[Leak]:
    """The statements by which `function` reads later positions of its input `stream`."""
    carries = {stream}
    for statement in function.body:
        reads = [value in carries for value in statement.inputs]
        if not any(reads):
            continue
        carries.update(statement.results)
        if isinstance(statement.op, Invoke):
            below = callee(block, statement)
            inner = below.function(statement.op.function)
            for given, each in zip(reads, inner.inputs, strict=True):
                if given:
                    yield from leaks(below, inner, each.name, (*path, statement.part))
        elif any(
            read and reach.high > 0
            for read, reach in zip(reads, statement.op.reach(len(reads)), strict=True)
        ):
            yield Leak(path=path, statement=statement)
