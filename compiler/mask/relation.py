"""A mask as the exact relation between the positions of a stream: rows as integers used as bitsets.

Bit j of row i says whether position i reads position j.
"""

from functools import cache

from compiler.mask.mask import Mask

Rows = tuple[int, ...]


@cache
def rows(mask: Mask, queries: int, keys: int | None = None) -> Rows:
    """The relation between `queries` and `keys` positions, as many of these by default."""
    width = queries if keys is None else keys
    reads = mask.predicate
    return tuple(
        sum(1 << j for j in range(width) if reads(i, j, length=width)) for i in range(queries)
    )


def identity(length: int) -> Rows:
    """Each position reads itself."""
    return tuple(1 << i for i in range(length))


def composed(outer: Rows, inner: Rows) -> Rows:
    """What is read through what is read: position i of the result reads what its own j's read."""
    return tuple(_union(row, inner) for row in outer)


def positions(row: int) -> list[int]:
    """The positions in a row."""
    return [j for j in range(row.bit_length()) if row >> j & 1]


def _union(row: int, inner: Rows) -> int:
    total = 0
    for j in positions(row):
        total |= inner[j]
    return total


def picture(mask: Mask, length: int) -> list[str]:
    """The matrix, a line for each query: `#` where it reads a key."""
    return [
        "".join("#" if row >> j & 1 else "." for j in range(length)) for row in rows(mask, length)
    ]
