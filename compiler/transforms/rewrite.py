"""Tools of the rewrites: rebuild a tree of blocks, leave out what nobody reads."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from compiler.ir.block import Block, Repeat, Statement
from compiler.ops.op import Op


def bottom_up(block: Block, change: Callable[[Block], Block]) -> Block:
    """The tree with `change` applied to every block, those below first."""

    def below(part: Op | Repeat | Block) -> Op | Repeat | Block:
        if isinstance(part, Repeat):
            return replace(part, block=bottom_up(part.block, change))
        return bottom_up(part, change) if isinstance(part, Block) else part

    return change(replace(block, parts=tuple((name, below(part)) for name, part in block.parts)))


def live(statements: Iterable[Statement], needed: Iterable[str]) -> list[Statement]:
    """The statements of which something is needed, in order."""
    wanted, kept = set(needed), list[Statement]()
    for statement in reversed(list(statements)):
        if wanted.intersection(statement.results):
            kept.insert(0, statement)
            wanted.update(statement.inputs)
    return kept
