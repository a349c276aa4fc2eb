"""The receptive field of a stack of masks: exact, for streams of a given length.

Each layer reads by its mask and passes its own position on (the residual connection): after k
layers a position has read all that k such steps lead to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from compiler.mask.mask import DIAGONAL, Mask
from compiler.mask.relation import Rows, composed, identity, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptiveField:
    """The positions that one has read, layer by layer.

    `positions`: the most that any position has read after each layer. `path`: the layers, repeated
    in order, until nothing new is read: the maximum path length of Table 1 (Vaswani et al. 2017).
    `is_connected`: whether a path leads to every position, or to every earlier one where no mask
    allows later ones.
    """

    length: int
    positions: tuple[int, ...]
    path: int
    is_connected: bool


def receptive_field(masks: Sequence[Mask], length: int) -> ReceptiveField:
    """Return that of a stack with a mask for each layer, in a stream of `length` positions."""
    seen, positions, path = identity(length), list[int](), 0
    for number, mask in enumerate(cycle(masks), start=1):
        before, seen = seen, composed(rows(mask | DIAGONAL, length), seen)
        positions.append(max(row.bit_count() for row in seen))
        if seen != before:
            path = number
        elif number - path >= len(masks):
            break
    return ReceptiveField(
        length=length,
        positions=tuple(positions[: len(masks)]),
        path=max(path, 1),
        is_connected=seen == _all_that_can_be(masks, length),
    )


def _all_that_can_be(masks: Sequence[Mask], length: int) -> Rows:
    """Return the rows of the whole stream; if no mask allows later positions, of the earlier."""
    reads_ahead = any(mask.dependence is not None and mask.dependence.high > 0 for mask in masks)
    return tuple((1 << (length if reads_ahead else i + 1)) - 1 for i in range(length))
