"""What a mask can ask of a query's position i and a key's position j besides bounds."""

from dataclasses import dataclass
from math import lcm
from typing import Literal

Kind = Literal["block", "dilated", "strided", "last"]

DEFINITIONS: dict[Kind, tuple[str, str]] = {
    "block": ("i // {n} == j // {n}", "i // {n} != j // {n}"),
    "dilated": ("(i - j) % {n} == 0", "(i - j) % {n} != 0"),
    "strided": ("j % {n} == {m}", "j % {n} != {m}"),
    "last": ("j >= length - {n}", "j < length - {n}"),
}
"""What each means, and what its complement does: n is its number, m is n - 1."""


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """`kind(number)`, or its complement."""

    kind: Kind
    number: int
    holds: bool = True

    def code(self) -> str:
        """A comparison of Python, of numbers as of tensors."""
        form = DEFINITIONS[self.kind][0 if self.holds else 1]
        return form.format(n=self.number, m=self.number - 1)

    def words(self) -> str:
        """As an author writes it."""
        return f"{'' if self.holds else '~'}{self.kind}({self.number})"

    def complement(self) -> "Condition":
        """What holds where this does not."""
        return Condition(self.kind, self.number, not self.holds)

    def implies(self, other: "Condition") -> bool:
        """Whether `other` holds wherever this does.

        Blocks of 2 lie in blocks of 4; multiples of 4 are multiples of 2; the last 2 are of the
        last 4. For complements it is the other way round.
        """
        if self.kind != other.kind or self.holds != other.holds:
            return False
        finer, coarser = (self, other) if self.holds else (other, self)
        if self.kind == "last":
            return finer.number <= coarser.number
        divisor, multiple = sorted((finer, coarser), key=lambda each: each.number)
        wanted = finer if self.kind == "block" else coarser
        return multiple.number % divisor.number == 0 and wanted.number == divisor.number

    def excludes(self, other: "Condition") -> bool:
        """Whether the two never hold together, as far as one decides the other."""
        if self.kind != other.kind or self.holds == other.holds:
            return False
        return self.implies(other.complement()) or other.implies(self.complement())


def together(one: Condition, other: Condition) -> Condition | None:
    """The one condition that both are together, if there is one."""
    if one.implies(other):
        return one
    if other.implies(one):
        return other
    if one.kind == other.kind and one.kind in ("dilated", "strided") and one.holds and other.holds:
        return Condition(one.kind, lcm(one.number, other.number))
    return None
