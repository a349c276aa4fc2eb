"""Gives one class name to all blocks of one structure: a class per structure, not per number."""

from collections import defaultdict
from dataclasses import replace

from compiler.ir.block import Block, walk
from compiler.ir.labels import letters
from compiler.ir.numbers import COMPARED, all_numbers
from compiler.ops.expression import Hyperparameter
from compiler.transforms.rewrite import change_below


def share_classes(model: Block) -> Block:
    """Return the model, each block with one name left.

    That is the most general name which its structure has for itself. Where each name stands for
    several structures, that which the fewest share, with a letter if several need it.
    """
    structures: dict[str, list[int]] = defaultdict(list)
    names: dict[int, str] = {}
    kinds = _kinds(model)
    blocks = {kinds[id(block)]: block for _, block in walk(model)}
    for kind, block in blocks.items():
        for name in block.names:
            structures[name].append(kind)
    shared: dict[str, list[int]] = defaultdict(list)
    for kind, block in blocks.items():
        shared[min(block.names, key=lambda name: len(structures[name]))].append(kind)
    for name, numbers in shared.items():
        for number, kind in enumerate(numbers):
            letter = letters(number).upper() if len(numbers) > 1 else ""
            names[kind] = f"{name}{letter}"

    def named(block: Block) -> Block:
        return replace(change_below(block, named), names=(names[kinds[id(block)]],))

    return named(model)


def _kinds(model: Block) -> dict[int, int]:
    """Return a number for each block, under its `id`: blocks that can be one class have the same.

    They have one structure, and the same values of what varies within the block: a class can take
    no number as an argument of which it holds several values.
    """
    numbers, kinds = all_numbers(model), dict[int, int]()
    known: dict[object, int] = {}

    def structure(part: object) -> object:
        """Return a part without numbers, names and places."""
        if isinstance(part, Hyperparameter):
            return part.name
        if isinstance(part, tuple):
            return tuple(map(structure, part))
        if id(part) in kinds:
            return kinds[id(part)]
        compared = (name for name in COMPARED[type(part)] if name != "names")
        inner = tuple(structure(getattr(part, name)) for name in compared)
        return (type(part).__name__, *inner) if inner else part

    for _, block in reversed([*walk(model)]):
        found = sorted(numbers[id(block)].items())
        mixed = tuple((name, *values) for name, values in found if len(set(values)) > 1)
        kinds[id(block)] = known.setdefault((structure(block), mixed), len(known))

    return kinds
