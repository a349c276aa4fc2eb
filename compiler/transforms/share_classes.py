"""Gives one class name to all blocks of one structure: a class per structure, not per number."""

from collections import defaultdict
from dataclasses import fields, is_dataclass, replace

from compiler.ir.block import Block, walk
from compiler.ir.labels import letters
from compiler.ir.numbers import mixed_numbers
from compiler.ops.expression import Hyperparameter
from compiler.transforms.rewrite import bottom_up


def share_classes(model: Block) -> Block:
    """Each block with one name left: the most general one that its structure has for itself.

    Where even the last name stands for several structures, all but the first have a letter: a layer
    of another kind renames none of those before it.
    """
    structures: dict[str, list[object]] = defaultdict(list)
    for _, block in walk(model):
        for name in block.names:
            own = _kind(block)
            if own not in structures[name]:
                structures[name].append(own)

    def choose(block: Block) -> Block:
        own = (name for name in block.names if len(structures[name]) == 1)
        last = block.names[-1]
        number = structures[last].index(_kind(block))
        letter = letters(number).upper() if number else ""
        return replace(block, names=(next(own, f"{last}{letter}"),))

    return bottom_up(model, choose)


def _kind(block: Block) -> object:
    """Return what blocks of one class have in common: the structure, and the numbers in it."""
    return structure(block), tuple((each.name, each.value) for each in mixed_numbers(block))


def structure(part: object) -> object:
    """A part without numbers, names and places: equal for parts that can be one class."""
    if isinstance(part, Hyperparameter):
        return part.name
    if isinstance(part, tuple):
        return tuple(structure(each) for each in part)
    if is_dataclass(part):
        return (
            type(part).__name__,
            *(
                structure(getattr(part, each.name))
                for each in fields(part)
                if each.compare and each.name != "names"
            ),
        )
    return part
