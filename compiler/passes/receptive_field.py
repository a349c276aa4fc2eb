"""How far a stack of layers sees through one mask: exact, for streams of a given length.

Each layer reads by the mask and passes its own position on (the residual connection), so that after
k layers a position has read what k such steps reach.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.mask.mask import DIAGONAL, Mask
from compiler.mask.relation import Rows, composed, identity, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptiveField:
    """`positions`: the most that any position has read after each layer.

    `path`: layers until nothing new is read, the maximum path length between two positions of
    Table 1 (Vaswani et al. 2017); `connected`: whether a path leads to every position that the mask
    of `causal` models, or the whole stream, has.
    """

    length: int
    positions: tuple[int, ...]
    path: int
    is_connected: bool


def receptive_field(mask: Mask, layers: int, length: int) -> ReceptiveField:
    """Of `layers` layers with one mask, in a stream of `length` positions."""
    relations = list(_relations(mask, length))
    read = [max(row.bit_count() for row in each) for each in relations]
    whole = mask.reach is not None and mask.reach.high > 0
    wanted = [(1 << length) - 1 if whole else (2 << i) - 1 for i in range(length)]
    return ReceptiveField(
        length=length,
        positions=tuple(read[min(layer, len(read)) - 1] for layer in range(1, layers + 1)),
        path=len(relations),
        is_connected=list(relations[-1]) == wanted,
    )


def _relations(mask: Mask, length: int) -> Iterator[Rows]:
    """After one layer, two, three ... until nothing changes."""
    step = rows(mask | DIAGONAL, length)
    before, now = identity(length), step
    while True:
        yield now
        before, now = now, composed(step, now)
        if now == before:
            return
