"""Masks as matrices: a row for each query, a column for each key, dark where one is read."""

from collections.abc import Sequence

from compiler.analysis.dependence import Domain, dependence
from compiler.ir.block import Block, Repeat
from compiler.mask.mask import Mask
from compiler.mask.relation import Rows, composed, identity, rows

Shares = tuple[tuple[float, ...], ...]
"""For each row and column of cells, the share of its pairs that are read."""
MOST_EXACT = 8
"""The most positions of a cell all of whose pairs are looked at."""


def cell_width(masks: Sequence[Mask], cells: int) -> int:
    """Return how many positions a cell stands for, so that all edges of the masks are seen."""
    widest = max((edge for mask in masks for edge in mask.numbers), default=0)
    return max(1, -(-3 * widest // (2 * cells)))


def shares(mask: Mask, cells: int, width: int) -> Shares:
    """Return the matrix of a mask in `cells` rows of cells, each `width` positions wide.

    In wide cells the first, middle and last positions stand for all.
    """
    length, reads = cells * width, mask.predicate
    places = range(width) if width <= MOST_EXACT else (0, width // 2, width - 1)
    return tuple(
        tuple(
            sum(
                bool(reads(row * width + a, column * width + b, length=length))
                for a in places
                for b in places
            )
            / len(places) ** 2
            for column in range(cells)
        )
        for row in range(cells)
    )


class _Relations(Domain[Rows]):
    """Exact relations between the positions of a stream of a length."""

    def __init__(self, length: int) -> None:
        self.length = length

    def here(self) -> Rows:
        return identity(self.length)

    def of(self, mask: Mask) -> Rows | None:
        found = rows(mask, self.length)
        return found if any(found) else None

    def along(self, outer: Rows, inner: Rows) -> Rows:
        return composed(outer, inner)

    def either(self, one: Rows, other: Rows) -> Rows:
        return tuple(a | b for a, b in zip(one, other, strict=True))


def receptive_fields(stack: Block, length: int) -> list[Rows]:
    """Return, for each layer of a stack, which positions of its input a position has read then.

    All that a layer computes counts: sub-layers of every kind, and the residual connections.
    """
    domain, found = _Relations(length), list[Rows]()
    for repeat in (part for _, part in stack.parts if isinstance(part, Repeat)):
        layer = repeat.block.function("forward")
        own = dependence(repeat.block, layer, domain)[layer.inputs[0].name]
        for _ in range(int(repeat.count.value)):
            found.append(composed(own, found[-1]) if found else own)
    return found


def as_shares(relation: Rows) -> Shares:
    """Return a relation as a matrix with a cell for each pair."""
    length = len(relation)
    return tuple(tuple(float(row >> j & 1) for j in range(length)) for row in relation)


def most_read(relation: Rows) -> int:
    """Return the most positions that any position has read."""
    return max(row.bit_count() for row in relation)


def masks_of(stack: Block) -> list[Mask]:
    """Return the masks by which the positions of a stack meet, each once."""
    found: dict[Mask, None] = {}
    for repeat in (part for _, part in stack.parts if isinstance(part, Repeat)):
        for part in (part for _, part in repeat.block.parts if isinstance(part, Block)):
            for statement in part.function("forward").body:
                mask = getattr(statement.op, "mask", None)
                if mask is not None:
                    found[mask] = None
    return list(found)
