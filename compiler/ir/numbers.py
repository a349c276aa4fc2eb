"""The numbers of the spec that stand in a block."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from compiler.ir.block import Block, Repeat, children, walk
from compiler.ops.expression import Hyperparameter


def own_numbers(block: Block) -> Iterator[Hyperparameter]:
    """Yield the numbers of a block's own ops and repetitions."""
    below = {id(each) for _, each, _ in children(block)}
    for _, part in block.parts:
        if isinstance(part, Repeat):
            if not part.holder:  # lists of several kinds are written with literals
                yield part.count
                yield part.held
        elif id(part) not in below:
            yield from inside(part)
    for function in block.functions:
        for statement in function.body:
            yield from inside(statement.op)


def inside(value: object) -> Iterator[Hyperparameter]:
    """Yield the numbers in an op or another value of the IR."""
    if isinstance(value, Hyperparameter):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from inside(each)
    else:
        for name in COMPARED[type(value)]:
            yield from inside(getattr(value, name))


class _ComparedFields(dict[type, tuple[str, ...]]):
    """The names of the fields that make two values of a type equal, if it is a dataclass."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        found = fields(kind) if is_dataclass(kind) else ()
        return self.setdefault(kind, tuple(each.name for each in found if each.compare))


COMPARED = _ComparedFields()


def all_numbers(model: Block) -> dict[int, dict[str, list[Hyperparameter]]]:
    """Return the numbers in each block and below it, in order, under the `id` of the block."""
    found: dict[int, dict[str, list[Hyperparameter]]] = {}
    for _, block in reversed([*walk(model)]):
        numbers: dict[str, list[Hyperparameter]] = defaultdict(list)
        for number in own_numbers(block):
            numbers[number.name].append(number)
        for _, below, _ in children(block):
            for name, values in found[id(below)].items():
                numbers[name] += values
        found[id(block)] = numbers
    return found
