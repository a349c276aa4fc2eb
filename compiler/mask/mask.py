"""A mask says which positions a query may read: a predicate of its position i and a key's, j.

A mask is written in a small algebra (`parse.py`) and kept as a union of terms, each a conjunction
(`term.py`). Its normal form (`canonical.py`) depends on what it means, not on how it was written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from math import inf

from compiler.mask.canonical import canonical
from compiler.mask.condition import Condition
from compiler.mask.interval import Interval
from compiler.mask.term import Term
from compiler.source.limits import MASK_TERMS


class TooManyTerms(Exception):
    """Raised for a mask with too many alternatives."""


@dataclass(frozen=True)
class Mask:
    """The union of its terms. Make one by the functions below, by `&`, `|`, `~`, or by `parse`."""

    terms: tuple[Term, ...]

    def __and__(self, other: "Mask") -> "Mask":
        return union(both for one in self.terms for each in other.terms if (both := one & each))

    def __or__(self, other: "Mask") -> "Mask":
        return union((*self.terms, *other.terms))

    def __invert__(self) -> "Mask":
        return reduce(lambda left, right: left & right, (union(~each) for each in self.terms), ALL)

    @cached_property
    def dependence(self) -> Interval | None:
        """The offsets j - i at which it reads: the hull; None if it reads nothing.

        A key before `stop` is less than `stop` after any query, as no query is before 0.
        """
        hulls = [Interval(low=t.low, high=min(t.high, t.stop - 1)) for t in self.terms]
        return reduce(lambda left, right: left | right, hulls) if hulls else None

    @cached_property
    def code(self) -> str:
        """The predicate as Python, of numbers as of tensors."""
        if not self.terms:
            return "j < 0"
        return _joined([each.code() for each in self.terms], "({})") or "j >= 0"

    @cached_property
    def text(self) -> str:
        """The mask as an author would write it."""
        if not self.terms:
            return "~all"
        return _joined([each.words() for each in self.terms], "{}") or "all"

    @cached_property
    def predicate(self) -> Callable[..., bool]:
        """(i, j, length of the stream) -> whether position i reads position j."""
        function: Callable[..., bool] = eval(f"lambda i, j, length=0: {self.code}")
        return function

    @property
    def needs_length(self) -> bool:
        """The mask depends on where the stream ends."""
        return any(each.needs_length for each in self.conditions)

    @property
    def is_relative(self) -> bool:
        """Return whether what is read depends on offsets alone, not on positions."""
        is_bounded = any(term.first or term.stop < inf for term in self.terms)
        return not is_bounded and all(each.is_relative for each in self.conditions)

    @property
    def conditions(self) -> set[Condition]:
        """The conditions of all its terms."""
        return {each for term in self.terms for each in term.conditions}

    @property
    def numbers(self) -> list[int]:
        """All finite numbers in it but 0: where its edges are."""
        bounds = [b for t in self.terms for b in (t.low, t.high, t.first, t.stop)]
        found = {abs(int(each)) for each in bounds if each not in (inf, -inf)}
        return sorted((found | {each.number for each in self.conditions}) - {0})

    def canonical(self) -> "Mask":
        """Return the mask in its normal form."""
        return Mask(tuple(canonical(list(self.terms))))

    def still_needed(self) -> "Mask":
        """Return the positions j <= i that a query at i, or at a later position, still reads."""
        return union(replace(term, high=inf, conditions=_lasting(term)) for term in self.terms)


def _lasting(term: Term) -> frozenset[Condition]:
    return frozenset(each for each in term.conditions if each.is_lasting)


def union(terms: Iterable[Term]) -> Mask:
    """Return the mask of some terms, none of which contains another. Raises TooManyTerms."""
    found: list[Term] = []
    for term in terms:
        _add(found, term)
        if len(found) > MASK_TERMS:
            raise TooManyTerms
    return Mask(tuple(sorted(found, key=Term.order)))


def _add(found: list[Term], term: Term) -> None:
    """Add a term: what it contains goes, and what it can be joined with becomes one with it."""
    if any(each.contains(term) for each in found):
        return
    found[:] = [each for each in found if not term.contains(each)]
    for each in found:
        joined = each.joined(term)
        joined = joined and joined.simplified()
        if joined is not None:
            found.remove(each)
            _add(found, joined)
            return
    found.append(term)


def _joined(terms: list[list[str]], form: str) -> str:
    """Return `a & (b | (c & d))`: what all share is written once, `form` goes around each part."""

    def every(parts: list[str]) -> str:
        return " & ".join(form.format(part) for part in parts)

    if terms == [[]]:
        return ""
    shared = [part for part in terms[0] if all(part in term for term in terms)]
    others = [[part for part in term if part not in shared] for term in terms]
    if len(terms) == 1 or others == [["~causal"], ["causal"]]:
        return _bare(shared[0]) if len(shared) == 1 else every(shared)
    choice = " | ".join(every(each) if len(each) == 1 else f"({every(each)})" for each in others)
    return f"{every(shared)} & ({choice})" if shared else choice


def _bare(part: str) -> str:
    return part[1:-1] if part.startswith("(") and part.endswith(")") else part


ALL = Mask((Term(),))
CAUSAL = Mask((Term(high=0),))
DIAGONAL = Mask((Term(low=0, high=0),))


def window(left: int, right: int) -> Mask:
    """Return the mask `-left <= j - i <= right`."""
    return Mask((Term(low=-left, high=right),))


def first(count: int) -> Mask:
    """Return the mask `j < count`."""
    return Mask((Term(stop=count),))


def condition(asked: Condition) -> Mask:
    """Return the mask of one condition."""
    term = Term(conditions=frozenset({asked})).simplified()
    return Mask((term,) if term else ())
