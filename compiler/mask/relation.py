"""A mask as the exact relation between the positions of a stream: rows as integers used as bitsets.

Bit j of row i says whether position i reads position j.
"""

from functools import cache
from math import inf, lcm

from compiler.mask.mask import Mask

Rows = tuple[int, ...]
LONGEST_PROBE = 2048


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


def joined(one: Rows, other: Rows) -> Rows:
    """Either way."""
    return tuple(a | b for a, b in zip(one, other, strict=True))


def positions(row: int) -> list[int]:
    """The positions in a row."""
    return [j for j in range(row.bit_length()) if row >> j & 1]


def _union(row: int, inner: Rows) -> int:
    total = 0
    for j in positions(row):
        total |= inner[j]
    return total


def deciding_length(mask: Mask) -> int:
    """A length beyond which a mask does nothing new: pairs further on repeat earlier ones.

    Beyond its largest bound a mask depends on i - j and j through their remainders alone.
    """
    bounds = [b for t in mask.terms for b in (t.low, t.high, t.first, t.stop)]
    furthest = max((abs(int(each)) for each in bounds if abs(each) != inf), default=0)
    last = max((each.number for each in mask.conditions if each.kind == "last"), default=0)
    period = lcm(*(each.number for each in mask.conditions if each.kind != "last"))
    return 2 * furthest + 3 * period + last + 2


def empty_row(mask: Mask) -> tuple[int, int] | None:
    """A query position without any key, and the length of the stream; None if there is none.

    A longer stream has more keys, so it is enough to look at each position as the last one; a mask
    that depends on the stream's end is tried at each length. Raises ValueError for a mask that
    repeats too late to be tried.
    """
    if any(term.has_diagonal() for term in mask.terms):
        return None
    longest = deciding_length(mask)
    if longest > LONGEST_PROBE:
        raise ValueError(f"the mask repeats after {longest} positions only")
    reads = mask.predicate
    for length in range(1, longest + 1):
        for i in range(length) if mask.needs_length else (length - 1,):
            if not any(reads(i, j, length=length) for j in range(length)):
                return i, length
    return None


def picture(mask: Mask, length: int) -> list[str]:
    """The matrix, a line for each query: `#` where it reads a key."""
    return [
        "".join("#" if row >> j & 1 else "." for j in range(length)) for row in rows(mask, length)
    ]
