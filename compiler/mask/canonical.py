"""The canonical form of a union of terms: an irredundant set of its prime implicants.

A term is a prime implicant if no larger one lies in the union. Consensus finds all of them (Quine
1955), whatever terms the union was written with; those that others cover are then left out in a
fixed order. Of two conditions only what `Condition.implies` decides is known, so that equal masks
with conditions may have different canonical forms.
"""

from collections.abc import Iterator
from dataclasses import replace

from compiler.mask.condition import Condition
from compiler.mask.term import Term
from compiler.source.limits import MASK_TERMS

MOST_PAIRS = 1500
"""Pairs of terms that are compared at most; a mask with more stays as it was written."""
MOST_PIECES = 32
"""A term is cut into so many pieces at most, when others may cover it."""


def canonical(terms: list[Term]) -> list[Term]:
    """Return the prime implicants of a union of terms, without those that the others cover.

    Returns the terms unchanged where there are too many prime implicants.
    """
    primes = _primes(terms)
    if primes is None:
        return terms
    needed = sorted(primes, key=Term.order)
    for term in sorted(needed, key=lambda each: (len(each.code()), each.order()), reverse=True):
        others = [each for each in needed if each != term]
        if _is_covered(term, others):
            needed = others
    return needed if len(needed) <= MASK_TERMS else terms


def _primes(terms: list[Term]) -> list[Term] | None:
    """Return all prime implicants of the union of these terms; None if that takes too long."""
    found: list[Term] = []
    waiting, pairs = sorted(terms, key=Term.order, reverse=True), 0
    while waiting:
        term = waiting.pop()
        if any(each.contains(term) for each in found):
            continue
        found = [each for each in found if not term.contains(each)]
        pairs += len(found)
        if pairs > MOST_PAIRS:
            return None
        waiting += [new for each in found for new in _consensus(term, each)]
        found.append(term)
    return found


def _is_covered(term: Term, others: list[Term]) -> bool:
    """Return whether other terms cover a term; False where too much would have to be tried."""
    pieces = [term]
    for other in others:
        outside = ~other
        near = [each for each in pieces if each & other]
        pieces = [each for each in pieces if each not in near]
        pieces += [both for each in near for left in outside if (both := each & left)]
        if not pieces or len(pieces) > MOST_PIECES:
            break
    return not pieces


def _consensus(one: Term, other: Term) -> Iterator[Term]:
    """Yield terms that lie in the union of two but in neither of them."""
    one, other = one.loosened(), other.loosened()
    for whole, cut in ((one, other), (other, one)):
        yield from _across_offsets(whole, _after(cut, whole.high))
        yield from _across_offsets(_before(cut, whole.low), whole)
    lower, upper = sorted((one, other), key=lambda each: each.first)
    yield from _across_keys(lower, upper)
    for each in one.conditions:
        for opposite in other.conditions:
            if each.complement().implies(opposite):
                yield from _both(_without(one, each), _without(other, opposite))


def _after(term: Term, offset: float) -> Term | None:
    """Return the part of a term behind an offset."""
    rest = replace(term, low=max(term.low, offset + 1)).simplified()
    return rest and rest.loosened()


def _before(term: Term, offset: float) -> Term | None:
    """Return the part of a term before an offset."""
    rest = replace(term, high=min(term.high, offset - 1)).simplified()
    return rest and rest.loosened()


def _across_offsets(left: Term | None, right: Term | None) -> Iterator[Term]:
    """Yield the union of the offsets of both terms, with the intersection of all else."""
    if left and right and right.low <= left.high + 1:
        low, high = min(left.low, right.low), max(left.high, right.high)
        yield from _both(left, right, low=low, high=high)


def _across_keys(lower: Term, upper: Term) -> Iterator[Term]:
    """Yield the union of the keys of both terms, with the intersection of all else."""
    below = replace(lower, stop=min(lower.stop, upper.first)).simplified()
    if below and lower.stop >= upper.first:
        yield from _both(below.loosened(), upper, first=below.first, stop=upper.stop)


def _without(term: Term, condition: Condition) -> Term:
    """Return the term without one of its conditions."""
    return replace(term, conditions=term.conditions - {condition})


def _both(one: Term, other: Term, **bounds: float) -> Iterator[Term]:
    """Yield the intersection of both terms, with other bounds, if it is not empty."""
    if both := one.met(other, **bounds):
        yield both
