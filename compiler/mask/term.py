"""A conjunction of bounds and conditions: one of the terms whose union is a mask."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf, lcm
from typing import Any

from compiler.mask.condition import Condition, multiples, together


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Position i reads position j where all bounds and all conditions hold.

    The bounds are `low <= j - i <= high` and `first <= j < stop`; infinite ones bound nothing.
    """

    low: float = -inf
    high: float = inf
    first: int = 0
    stop: float = inf
    conditions: frozenset[Condition] = frozenset()

    def __and__(self, other: "Term") -> "Term | None":
        """Return where both hold; None if that is nowhere."""
        return self.met(other)

    def met(self, other: "Term", **bounds: Any) -> "Term | None":
        """Return the intersection, with `bounds` in place of its own; None if it is empty."""
        both = Term(
            low=max(self.low, other.low),
            high=min(self.high, other.high),
            first=max(self.first, other.first),
            stop=min(self.stop, other.stop),
            conditions=self.conditions | other.conditions,
        )
        return replace(both, **bounds).simplified()

    def simplified(self) -> "Term | None":
        """Return the tightest equal term; None if it holds nowhere."""
        term: Term | None = self
        while term is not None:
            before, term = term, _merged(term)
            term = term and _tightened(term)
            if term == before:
                return term
        return None

    def loosened(self) -> "Term":
        """Return an equal term with the widest bounds: some follow from conditions and keys."""
        low, high = self.low, self.high if self.high < self.stop - 1 else inf
        step = lcm(*(each.step for each in self._relations()))
        low, high = low - step + 1, high + step - 1
        for each in self._relations():
            low = low if low > each.offsets.low else -inf
            high = high if high < each.offsets.high else inf
        return replace(self, low=low, high=high)

    def _relations(self) -> list[Condition]:
        """Return the conditions that are no complements."""
        return [each for each in self.conditions if each.holds]

    def __invert__(self) -> "list[Term]":
        """Return the terms whose union is all that this is not (De Morgan)."""
        others = [
            *([] if self._low_is_implied else [Term(high=self.low - 1)]),
            *([] if self._high_is_implied else [Term(low=self.high + 1)]),
            Term(stop=self.first),
            Term(first=int(self.stop)) if self.stop < inf else Term(stop=0),
            *(Term(conditions=frozenset({each.complement()})) for each in self.conditions),
        ]
        return [simple for each in others if (simple := each.simplified())]

    def contains(self, other: "Term") -> bool:
        """Return whether this holds wherever `other` does."""
        return (
            self.low <= other.low
            and self.high >= min(other.high, other.stop - 1)  # as no query is before 0
            and self.first <= max(other.first, other.low)
            and self.stop >= other.stop
            and all(other.implies(each) for each in self.conditions)
        )

    def implies(self, condition: Condition) -> bool:
        """Return whether a condition holds wherever this does."""
        bounds = (self.low, self.high, self.stop)
        by_bounds = _kept(condition, *bounds) is False
        return by_bounds or any(each.implies(condition) for each in self.conditions)

    def has_diagonal(self) -> bool:
        """Return whether every position reads itself."""
        within = self.low <= 0 <= self.high and self.first == 0 and self.stop == inf
        return within and all(each.decided(0, 0, inf) is each.holds for each in self.conditions)

    def joined(self, other: "Term") -> "Term | None":
        """Return the union, if it is one term: the two differ in one bound or condition."""
        if self.conditions == other.conditions:
            return self._joined_bounds(other)
        apart = self.conditions ^ other.conditions
        is_opposite = len(apart) == 2 and {each.complement() for each in apart} == apart
        if is_opposite and replace(self, conditions=other.conditions) == other:
            return replace(self, conditions=self.conditions & other.conditions)
        return None

    def _joined_bounds(self, other: "Term") -> "Term | None":
        touches = max(self.low, other.low) <= min(self.high, other.high) + 1
        if touches and (self.first, self.stop) == (other.first, other.stop):
            low, high = min(self.low, other.low), max(self.high, other.high)
            return replace(self, low=low, high=high)
        meets = max(self.first, other.first) <= min(self.stop, other.stop)
        if meets and (self.low, self.high) == (other.low, other.high):
            first, stop = min(self.first, other.first), max(self.stop, other.stop)
            return replace(self, first=first, stop=stop)
        return None

    def order(self) -> tuple[object, ...]:
        """Return what orders the terms of a mask."""
        return (-self.low, self.high, self.first, self.stop, sorted(self.conditions))

    def code(self) -> list[str]:
        """Return comparisons of i and j in Python, all of which must hold."""
        return [*self._offset_code(), *self._key_code(), *(c.code() for c in self._ordered())]

    def _offset_code(self) -> Iterator[str]:
        if self.low == self.high:
            yield "j == i" if self.low == 0 else f"j - i == {self.low:.0f}"
            return
        if self.high < inf and not self._high_is_implied:
            yield "j <= i" if self.high == 0 else f"j - i <= {self.high:.0f}"
        if self.low > -inf and not self._low_is_implied:
            backwards = f"i - j <= {-self.low:.0f}" if self.low < 0 else f"j - i >= {self.low:.0f}"
            yield "j >= i" if self.low == 0 else backwards

    def _key_code(self) -> Iterator[str]:
        if self.first:
            yield f"j >= {self.first}"
        if self.stop < inf:
            yield f"j < {self.stop:.0f}"

    @property
    def _low_is_implied(self) -> bool:
        """Some condition reads no position that is further back anyway."""
        return any(-inf < each.offsets.low >= self.low for each in self._relations())

    @property
    def _high_is_implied(self) -> bool:
        """Some condition reads no position that is further ahead anyway."""
        return any(inf > each.offsets.high <= self.high for each in self._relations())

    def _ordered(self) -> list[Condition]:
        return sorted(self.conditions)

    def words(self) -> list[str]:
        """Return parts of the algebra, as an author writes them, all of which must hold."""
        return [*self._offset_words(), *self._key_words(), *(c.words() for c in self._ordered())]

    def _offset_words(self) -> Iterator[str]:
        low, high = self.low, self.high
        if low > 0 or high < 0:
            yield from _one_sided_words(low, high)
            return
        left, right = 0 - low, high
        if self._low_is_implied and self._high_is_implied:
            return
        if right == 0 and left > 0:
            yield "causal"
            if left < inf and not self._low_is_implied:
                yield f"window({left:.0f})"
        elif left == 0 and right > 0:
            yield "(~causal | window(0))"
            if right < inf and not self._high_is_implied:
                yield f"window({right:.0f})"
        elif left == right < inf:
            yield f"window({left:.0f})"
        elif left < inf and right < inf:
            yield f"window(left={left:.0f}, right={right:.0f})"
        elif right < inf:
            yield f"(causal | window({right:.0f}))"
        elif left < inf:
            yield f"(~causal | window({left:.0f}))"

    def _key_words(self) -> Iterator[str]:
        if self.first:
            yield f"~first({self.first})"
        if self.stop < inf:
            yield f"first({self.stop:.0f})"


def _one_sided_words(low: float, high: float) -> Iterator[str]:
    """Yield the words for offsets that are all before the query's own, or all after it."""
    side, near, far = ("~causal", low, high) if low > 0 else ("causal", -high, -low)
    yield side
    if near > 1 or side == "causal":
        yield f"~window({near - 1:.0f})"
    if far < inf:
        yield f"window({far:.0f})"


def _merged(term: Term) -> Term | None:
    """Merge conditions of the term; None if two of them exclude each other."""
    conditions = set(term.conditions)
    for one, other in combinations(sorted(conditions), 2):
        if one.excludes(other):
            return None
        both = together(one, other)
        if both is not None:
            return replace(term, conditions=frozenset(conditions - {one, other} | {both}))
    return term


def _tightened(term: Term) -> Term | None:
    """Tighten bounds as the conditions allow, and drop conditions that the bounds imply."""
    low, high, first = term.low, term.high, term.first
    for each in term.conditions:
        if each.holds:
            low, high = max(low, each.offsets.low), min(high, each.offsets.high)
            low, high = multiples(low, high, each.step)
    if high >= term.stop - 1:  # a key before `stop` is no later than that
        high = inf if low < term.stop - 1 else low
    if first <= low:  # as no position is before 0, keys this far after the query are no less
        first = 0
    if low > high or low == inf or high == -inf or first >= term.stop or term.stop <= low:
        return None
    kept = [_kept(each, low, high, term.stop) for each in term.conditions]
    if None in kept:
        return None
    conditions = frozenset(
        each for each, is_kept in zip(term.conditions, kept, strict=True) if is_kept
    )
    return Term(low=low, high=high, first=first, stop=term.stop, conditions=conditions)


def _kept(each: Condition, low: float, high: float, stop: float) -> bool | None:
    """Return whether a condition still says something; None if bounds let it hold nowhere."""
    decided = each.decided(low, high, stop)
    if decided is None:
        return True
    return False if decided is each.holds else None
