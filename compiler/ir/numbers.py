"""The numbers of the spec that stand in a block."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from compiler.ir.block import Block, Repeat, children, walk
from compiler.ops.expression import Hyperparameter


def own_numbers(block: Block) -> Iterator[Hyperparameter]:
    """The numbers of a block's own ops and repetitions."""
    below = {id(each) for _, each, _ in children(block)}
    for _, part in block.parts:
        if isinstance(part, Repeat):
            if not part.holder:  # lists of several kinds are written with literals
                yield part.count
                yield part.held
        elif id(part) not in below:
            yield from _inside(part)
    for function in block.functions:
        for statement in function.body:
            yield from _inside(statement.op)


def _inside(value: object) -> Iterator[Hyperparameter]:
    if isinstance(value, Hyperparameter):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _inside(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _inside(getattr(value, each.name))


def mixed_numbers(block: Block) -> tuple[Hyperparameter, ...]:
    """All numbers of which a block holds several values: its class can take none as an argument."""
    found: dict[str, list[Hyperparameter]] = defaultdict(list)
    for _, below in walk(block):
        for number in own_numbers(below):
            found[number.name].append(number)
    return tuple(n for _, each in sorted(found.items()) if len(set(each)) > 1 for n in each)
