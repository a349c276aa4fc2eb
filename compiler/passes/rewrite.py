"""Rebuilding a tree of blocks from the leaves up."""

from collections.abc import Callable
from dataclasses import replace

from compiler.ir.block import Block, Repeat
from compiler.ops.op import Op


def bottom_up(block: Block, change: Callable[[Block], Block]) -> Block:
    """The tree with `change` applied to every block, those below first."""

    def below(part: Op | Repeat | Block) -> Op | Repeat | Block:
        if isinstance(part, Repeat):
            return replace(part, block=bottom_up(part.block, change))
        return bottom_up(part, change) if isinstance(part, Block) else part

    return change(replace(block, parts=tuple((name, below(part)) for name, part in block.parts)))
