"""A conjunction of bounds and conditions: one of the terms whose union is a mask."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf
from typing import Any

from compiler.mask.condition import Condition, together


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Position i reads position j where `low <= j - i <= high`, `first <= j < stop`,

    and all conditions hold. Infinite bounds bound nothing.
    """

    low: float = -inf
    high: float = inf
    first: int = 0
    stop: float = inf
    conditions: frozenset[Condition] = frozenset()

    def __and__(self, other: "Term") -> "Term | None":
        """Where both hold; None if that is nowhere."""
        return self.met(other)

    def met(self, other: "Term", **bounds: Any) -> "Term | None":
        """The intersection of both, with `bounds` in place of theirs; None if it is empty."""
        both = Term(
            low=max(self.low, other.low),
            high=min(self.high, other.high),
            first=max(self.first, other.first),
            stop=min(self.stop, other.stop),
            conditions=self.conditions | other.conditions,
        )
        return replace(both, **bounds).simplified()

    def simplified(self) -> "Term | None":
        """The tightest way to say the same; None if it holds nowhere."""
        term: Term | None = self
        while term is not None:
            before, term = term, _merged(term)
            term = term and _tightened(term)
            if term == before:
                return term
        return None

    def loosened(self) -> "Term":
        """An equal term with the widest bounds on offsets: some follow from conditions and keys."""
        low, high = self.low, self.high if self.high < self.stop - 1 else inf
        for each in self.conditions:
            if each.kind == "dilated" and each.holds:
                low, high = low - each.number + 1, high + each.number - 1
        for each in self.conditions:
            if each.kind == "block" and each.holds:
                low = low if low > 1 - each.number else -inf
                high = high if high < each.number - 1 else inf
        return replace(self, low=low, high=high)

    def __invert__(self) -> "list[Term]":
        """The terms whose union is all that this is not (De Morgan)."""
        others = [
            *([] if self._is_implied(-self.low) else [Term(high=self.low - 1)]),
            *([] if self._is_implied(self.high) else [Term(low=self.high + 1)]),
            Term(stop=self.first),
            Term(first=int(self.stop)) if self.stop < inf else Term(stop=0),
            *(Term(conditions=frozenset({each.complement()})) for each in self.conditions),
        ]
        return [simple for each in others if (simple := each.simplified())]

    def contains(self, other: "Term") -> bool:
        """Whether this holds wherever `other` does."""
        return (
            self.low <= other.low
            and self.high >= min(other.high, other.stop - 1)  # as no query is before 0
            and self.first <= max(other.first, other.low)
            and self.stop >= other.stop
            and all(other.implies(each) for each in self.conditions)
        )

    def implies(self, condition: Condition) -> bool:
        """Whether a condition holds wherever this does."""
        bounds = (self.low, self.high, self.stop)
        by_bounds = _kept(condition, *bounds) is False
        return by_bounds or any(each.implies(condition) for each in self.conditions)

    def has_diagonal(self) -> bool:
        """Whether every position reads itself."""
        within = self.low <= 0 <= self.high and self.first == 0 and self.stop == inf
        return within and all(
            each.holds and each.kind in ("block", "dilated") for each in self.conditions
        )

    def joined(self, other: "Term") -> "Term | None":
        """The union, if it is one term: the two differ in one bound, or in one condition."""
        if self.conditions == other.conditions:
            return self._joined_bounds(other)
        apart = self.conditions ^ other.conditions
        opposite = len(apart) == 2 and len({(each.kind, each.number) for each in apart}) == 1
        if opposite and replace(self, conditions=other.conditions) == other:
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
        """Places terms in a mask."""
        return (-self.low, self.high, self.first, self.stop, sorted(self.conditions))

    def code(self) -> list[str]:
        """Comparisons of i and j in Python, all of which must hold."""
        return [*self._offset_code(), *self._key_code(), *(c.code() for c in self._ordered())]

    def _offset_code(self) -> Iterator[str]:
        if self.low == self.high:
            yield "j == i" if self.low == 0 else f"j - i == {self.low:.0f}"
            return
        if self.high < inf and not self._is_implied(self.high):
            yield "j <= i" if self.high == 0 else f"j - i <= {self.high:.0f}"
        if self.low > -inf and not self._is_implied(-self.low):
            backwards = f"i - j <= {-self.low:.0f}" if self.low < 0 else f"j - i >= {self.low:.0f}"
            yield "j >= i" if self.low == 0 else backwards

    def _key_code(self) -> Iterator[str]:
        if self.first:
            yield f"j >= {self.first}"
        if self.stop < inf:
            yield f"j < {self.stop:.0f}"

    def _is_implied(self, bound: float) -> bool:
        """Whether a block is the reason for a bound: no position of it is further away."""
        blocks = [each.number for each in self.conditions if each.kind == "block" and each.holds]
        return any(bound >= number - 1 for number in blocks)

    def _ordered(self) -> list[Condition]:
        return sorted(self.conditions)

    def words(self) -> list[str]:
        """Parts of the algebra, as an author writes them, all of which must hold."""
        return [*self._offset_words(), *self._key_words(), *(c.words() for c in self._ordered())]

    def _offset_words(self) -> Iterator[str]:
        low, high = self.low, self.high
        if low > 0 or high < 0:
            yield from _one_sided_words(low, high)
            return
        left, right = 0 - low, high
        if self._is_implied(left) and self._is_implied(right):
            return
        if right == 0 and left > 0:
            yield "causal"
            if left < inf and not self._is_implied(left):
                yield f"window({left:.0f})"
        elif left == 0 and right > 0:
            yield "(~causal | window(0))"
            if right < inf and not self._is_implied(right):
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
    """Offsets that are all before the query's own, or all after it."""
    side, near, far = ("~causal", low, high) if low > 0 else ("causal", -high, -low)
    yield side
    if near > 1 or side == "causal":
        yield f"~window({near - 1:.0f})"
    if far < inf:
        yield f"window({far:.0f})"


def _merged(term: Term) -> Term | None:
    """With conditions merged; None if two of them exclude each other."""
    conditions = set(term.conditions)
    for one, other in combinations(sorted(conditions), 2):
        if one.excludes(other):
            return None
        both = together(one, other)
        if both is not None:
            return replace(term, conditions=frozenset(conditions - {one, other} | {both}))
    return term


def _tightened(term: Term) -> Term | None:
    """With bounds that the conditions allow, and without conditions that the bounds imply."""
    low, high, first = term.low, term.high, term.first
    for each in term.conditions:
        if each.kind == "block" and each.holds:
            low, high = max(low, 1 - each.number), min(high, each.number - 1)
        if each.kind == "dilated" and each.holds:
            low, high = _snapped(low, high, each.number)
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


def _snapped(low: float, high: float, step: int) -> tuple[float, float]:
    """The outermost multiples of `step` within the bounds."""
    inner_low = low if abs(low) == inf else -(-low // step) * step
    inner_high = high if abs(high) == inf else high // step * step
    return inner_low + 0.0, inner_high + 0.0


def _has_no_multiple(low: float, high: float, step: int) -> bool:
    """Whether no multiple of `step` lies within the bounds."""
    inner_low, inner_high = _snapped(low, high, step)
    return inner_low > inner_high


def _kept(each: Condition, low: float, high: float, stop: float) -> bool | None:
    """Whether a condition still says something; None if it cannot hold within the bounds."""
    on_diagonal = low == high == 0
    match each.kind:
        case "block" if on_diagonal or (each.number == 1 and each.holds):
            return False if each.holds else None
        case "block" if not each.holds and (low > each.number - 1 or high < 1 - each.number):
            return False
        case "dilated" if low == high or _has_no_multiple(low, high, each.number):
            return False if (low % each.number == 0) == each.holds else None
        case "dilated" | "strided" if each.number == 1:
            return False if each.holds else None
        case "strided" if stop < each.number:
            return None if each.holds else False
    return True
