"""Gives one class name to all blocks of one structure: a class per structure, not per number."""

from collections import defaultdict
from dataclasses import fields, is_dataclass, replace

from compiler.ir.block import Block, walk
from compiler.ir.labels import letters
from compiler.ir.numbers import mixed_numbers
from compiler.ops.expression import Hyperparameter
from compiler.transforms.rewrite import bottom_up


def share_classes(model: Block) -> Block:
    """Return the model, each block with one name left.

    That is the most general name which its structure has for itself. Where each name stands for
    several structures, that which the fewest share, with a letter if several need it.
    """
    structures: dict[str, list[object]] = defaultdict(list)
    names: dict[object, str] = {}
    blocks = {_kind(block): block for _, block in walk(model)}
    for kind, block in blocks.items():
        for name in block.names:
            structures[name].append(kind)
    shared: dict[str, list[object]] = defaultdict(list)
    for kind, block in blocks.items():
        shared[min(block.names, key=lambda name: len(structures[name]))].append(kind)
    for name, kinds in shared.items():
        for number, kind in enumerate(kinds):
            letter = letters(number).upper() if len(kinds) > 1 else ""
            names[kind] = f"{name}{letter}"

    def choose(block: Block) -> Block:
        return replace(block, names=(names[_kind(block)],))

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
