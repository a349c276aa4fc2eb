"""The relation between the positions of a stream that a mask is: which query reads which keys.

Rows are integers used as bitsets: bit j of row i says whether position i reads position j. What is
true in texts of all lengths is decided from finitely many queries: the keys of a query change in
form only at edges, where two bounds of a term meet. Between edges they repeat with the period of
the conditions, or their number grows or shrinks.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import product
from math import inf, lcm

from compiler.mask.condition import Condition
from compiler.mask.mask import Mask
from compiler.mask.term import Term

Rows = tuple[int, ...]
MOST_QUERIES = 50_000
MOST_PAIRS = 200_000
_AHEAD = Mask((Term(low=1),))


@cache
def rows(mask: Mask, queries: int, keys: int | None = None) -> Rows:
    """Return the relation between `queries` and `keys` positions, as many of these by default."""
    width = queries if keys is None else keys
    reads = mask.predicate
    return tuple(
        sum(1 << j for j in range(width) if reads(i, j, length=width)) for i in range(queries)
    )


def identity(length: int) -> Rows:
    """Return the relation in which each position reads itself."""
    return tuple(1 << i for i in range(length))


def composed(outer: Rows, inner: Rows) -> Rows:
    """Return the relation in which position i reads what the positions read that it reads."""
    return tuple(_union(row, inner) for row in outer)


def positions(row: int) -> list[int]:
    """Return the positions in a row."""
    return [j for j in range(row.bit_length()) if row >> j & 1]


def _union(row: int, inner: Rows) -> int:
    total = 0
    for j in positions(row):
        total |= inner[j]
    return total


def empty_row(mask: Mask) -> tuple[int, int] | None:
    """Return a query position without any key, and the length of the stream, if there is one.

    A longer stream has more keys, so it is enough to look at each position as the last one; a mask
    that depends on the stream's end is tried at each length. Raises ValueError for a mask whose
    numbers repeat too late to be tried.
    """
    if any(term.has_diagonal() for term in mask.terms):
        return None
    try:
        places = _places(mask)
    except ValueError:
        plain = Mask(tuple(term for term in mask.terms if not term.conditions))
        if plain.terms and empty_row(plain) is None:
            return None
        raise
    for length, i in places:
        if not any(_keys(term, i, length)[1] for term in mask.terms):
            return i, length
    return None


def later_read(mask: Mask) -> tuple[int, int] | None:
    """Return the first query that reads a later position, and the furthest that it reads.

    The second number is the nearest later one where the query reads all the way to the end. None if
    no query reads ahead, at any length. Raises ValueError where that is too much to try.
    """
    ahead = mask & _AHEAD
    found = [first for term in ahead.terms if (first := first_query(term)) is not None]
    if not found:
        return None
    i = min(found)
    keys = [_keys(term, i, _horizon(term, i)) for term in ahead.terms]
    some = [(start, bits) for start, bits in keys if bits]
    if mask.dependence and mask.dependence.high < inf:
        return i, max(start + bits.bit_length() - 1 for start, bits in some)
    return i, min(start + (bits & -bits).bit_length() - 1 for start, bits in some)


def reads_within(mask: Mask, longest: int) -> bool:
    """Return whether some query reads some key, if neither text has over `longest` tokens.

    True where that is too much to try.
    """
    near = Term(low=1 - longest, high=longest - 1)
    for term in mask.terms:
        ends = [each for each in term.conditions if each.needs_length]
        behind = max((max(each.edges) for each in ends if not each.holds), default=0)
        open_end = replace(term, conditions=term.conditions.difference(ends))
        inside = open_end.met(near, stop=min(term.stop, longest - behind))
        try:
            if inside and (i := first_query(inside)) is not None and i < longest:
                return True
        except ValueError:
            return True
    return False


def first_query(term: Term) -> int | None:
    """Return the first query that reads a key in a text that is long enough, if one does.

    Raises ValueError where that is too much to try.
    """
    edges, period = _edges([term]), _period(term.conditions)
    is_whole = len(edges) * 6 * period <= MOST_QUERIES
    queries = _near(edges, period) if is_whole else range(min(period, MOST_QUERIES // 25))
    for i in queries:
        if _keys(term, i, _horizon(term, i))[1]:
            return i
    if not is_whole:
        raise ValueError(f"the mask repeats only after {period:,} positions")
    return None


def _places(mask: Mask) -> list[tuple[int, int]]:
    """Return lengths and queries that suffice to find an empty row. Raises ValueError."""
    edges, period = _edges(mask.terms), _period(mask.conditions)
    if len(edges) * 6 * period > MOST_QUERIES:
        raise ValueError(f"the mask repeats only after {period:,} positions")
    queries = _near(edges, period)
    if not mask.needs_length:
        return [(i + 1, i) for i in queries]
    if 3 * len(queries) ** 2 > MOST_PAIRS:
        raise ValueError(f"the mask has {len(edges):,} edges of {period:,} positions each")
    pairs = {(length, i) for i, length in product(queries, queries)}
    pairs |= {(i + behind, i) for i, behind in product(queries, queries)}
    pairs |= {(length, length - behind) for length, behind in product(queries, queries)}
    return sorted((length, i) for length, i in pairs if 0 <= i < length)


def _period(conditions: Iterable[Condition]) -> int:
    """Return the number of positions after which all conditions repeat, but for their edges."""
    return lcm(*(each.period for each in conditions))


def _edges(terms: Iterable[Term]) -> list[int]:
    """Return the sums and differences of two bounds, and 0."""
    bounds = {b for t in terms for b in (t.low, t.high, t.first, t.stop) if abs(b) < inf}
    ends = {edge for t in terms for each in t.conditions for edge in each.edges}
    numbers = {abs(int(each)) for each in bounds} | ends | {0}
    sums = {a + b for a, b in product(numbers, numbers)}
    return sorted(sums | {abs(a - b) for a, b in product(numbers, numbers)})


def _near(edges: Iterable[int], period: int) -> list[int]:
    """Return the positions within three periods of an edge."""
    width = 3 * period + 1
    near = {at for edge in edges for at in range(max(0, edge - width), edge + width + 1)}
    return sorted(near)


def _horizon(term: Term, i: int) -> int:
    """Return a length beyond which a query reads keys only if it reads earlier ones, too."""
    if term.high < inf:
        return i + int(term.high) + 1
    within = min(3 * _period(term.conditions), MOST_QUERIES)
    return max(i, term.first, i + int(max(term.low, 0))) + within + 2


def _keys(term: Term, i: int, length: int) -> tuple[int, int]:
    """Return the keys that a query reads: bit k of the second number is key k + the first."""
    start = max(term.first, i + term.low, 0)
    last = min(term.stop - 1, i + term.high, length - 1)
    if start > last:
        return 0, 0
    start, width = int(start), int(last) - int(start) + 1
    bits = (1 << width) - 1
    for each in term.conditions:
        keys = each.keys(i, start, width, length)
        bits &= keys if each.holds else ~keys
    return start, bits
