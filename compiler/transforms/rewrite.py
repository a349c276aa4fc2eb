"""Tools of the rewrites: rebuild a tree of blocks, leave out what nobody reads."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from compiler.ir.block import Block, Repeat, Statement
from compiler.ops.op import Op


def bottom_up(block: Block, change: Callable[[Block], Block]) -> Block:
    """Return the tree with `change` applied to every block, those below first."""
    return change(change_below(block, lambda below: bottom_up(below, change)))


def change_below(block: Block, change: Callable[[Block], Block]) -> Block:
    """Return the block with `change` applied to the blocks directly below."""

    def changed(part: Op | Repeat | Block) -> Op | Repeat | Block:
        if isinstance(part, Repeat):
            return replace(part, block=change(part.block))
        return change(part) if isinstance(part, Block) else part

    return replace(block, parts=tuple((name, changed(part)) for name, part in block.parts))


def live(statements: Iterable[Statement], needed: Iterable[str]) -> list[Statement]:
    """Return the statements of which something is needed, in order."""
    wanted, kept = set(needed), list[Statement]()
    for statement in reversed(list(statements)):
        if wanted.intersection(statement.results):
            kept.insert(0, statement)
            wanted.update(statement.inputs)
    return kept
