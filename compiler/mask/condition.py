"""Conditions on a query's position i and a key's position j, which masks have besides bounds.

A condition is a class: its definition, its words, and the rules from which the algebra, the search
for empty rows and the caches of decoding follow. A rule that a class leaves out has a default that
is true of any relation, so that masks of a new condition are at worst simplified less and kept
longer. `primitives.py` has the table of those that can be written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, lcm
from typing import ClassVar, Protocol, Self

from compiler.mask.interval import Interval

ANYWHERE = Interval(low=-inf, high=inf)


class Arguments(Protocol):
    """The arguments that stand behind the name of a primitive."""

    def number(self, least: int) -> int:
        """Read `(n)`, a whole number from `least` on."""

    def sides(self) -> tuple[int, int]:
        """Read `(n)` or `(left=n, right=m)`, whole numbers from 0 on."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A relation of i and j, or its complement where it does not hold.

    The rules speak of the relation; `is_lasting`, `implies` and `excludes` of complements, too.
    """

    number: int
    holds: bool = True

    name: ClassVar[str]
    meaning: ClassVar[str]
    """The positions that a query reads, in words for an author."""
    example: ClassVar[int]
    """A number for the documentation."""
    forms: ClassVar[tuple[str, str]]
    """The relation and its complement in Python, of numbers as of tensors: `{n}` is the number."""
    needs_length: ClassVar[bool] = False
    """Whether the relation depends on the `length` of the stream."""
    is_relative: ClassVar[bool] = False
    """Whether the relation depends on the offset j - i alone."""

    @classmethod
    def read(cls, arguments: Arguments) -> "Condition":
        """Make the condition from what is written behind its name."""
        return cls(arguments.number(least=1))

    @property
    def text(self) -> str:
        """The relation as an author writes it."""
        return f"{self.name}({self.number})"

    @property
    def is_lasting(self) -> bool:
        """A key that a query does not read is read by no later query either."""
        return False

    @property
    def offsets(self) -> Interval:
        """The offsets j - i outside of which no position is read."""
        return ANYWHERE

    @property
    def step(self) -> int:
        """A number that divides each offset j - i at which a position is read."""
        return 1

    @property
    def chunk(self) -> int | None:
        """The n of aligned chunks of n positions, where each query reads in its own chunk alone."""
        return None

    @property
    def period(self) -> int:
        """The number of positions after which the relation repeats, apart from its `edges`."""
        return self.number

    @property
    def edges(self) -> tuple[int, ...]:
        """The distances from the end of the stream at which the relation changes."""
        return ()

    def is_within(self, other: Self) -> bool:
        """Return whether `other` holds wherever this relation does."""
        return self.number == other.number

    def met(self, other: Self) -> "Condition | None":  # noqa: ARG002
        """Return the one relation that is both, if there is one."""
        return None

    def decided(self, low: float, high: float, stop: float) -> bool | None:  # noqa: ARG002
        """Return what the relation is wherever `low <= j - i <= high` and `j < stop`.

        Returns None if that depends on the positions.
        """
        return None

    def keys(self, i: int, start: int, width: int, length: int) -> int:
        """Return which of the keys from `start` on query i reads: bit k stands for key start + k.

        Bits from `width` on may be anything.
        """
        relation = eval(f"lambda i, j, length: {replace(self, holds=True).code()}")
        return sum(1 << k for k in range(width) if relation(i, start + k, length))

    def fullest(self, length: int) -> Iterable[int]:
        """Return some of the first `length` queries, one of which reads the most before itself.

        It is asked of lasting relations alone.
        """
        return range(max(0, length - self.period), length)

    def code(self) -> str:
        """Return a comparison in Python, of numbers as of tensors."""
        return self.forms[not self.holds].format(n=self.number, m=self.number - 1)

    def words(self) -> str:
        """Return the condition as an author writes it."""
        return self.text if self.holds else f"~{self.text}"

    def complement(self) -> Self:
        """Return what holds where this does not."""
        return replace(self, holds=not self.holds)

    def implies(self, other: "Condition") -> bool:
        """Return whether `other` holds wherever this does."""
        if not isinstance(other, type(self)) or self.holds != other.holds:
            return False
        return self.is_within(other) if self.holds else other.is_within(self)

    def excludes(self, other: "Condition") -> bool:
        """Return whether the two never hold together, as far as one decides the other."""
        return self.implies(other.complement()) or other.implies(self.complement())

    def __lt__(self, other: "Condition") -> bool:
        """Order the conditions of a term, by name and number."""
        mine, others = ((each.name, each.number, each.holds) for each in (self, other))
        return mine < others


def together(one: Condition, other: Condition) -> Condition | None:
    """Return the one condition that both are together, if there is one."""
    if one.implies(other):
        return one
    if other.implies(one):
        return other
    if isinstance(other, type(one)) and one.holds and other.holds:
        return one.met(other)
    return None


class Block(Condition):
    """i and j lie in the same block of n positions."""

    __slots__ = ()
    name, example, meaning = "block", 4, "its own block of n"
    forms = ("i // {n} == j // {n}", "i // {n} != j // {n}")

    @property
    def is_lasting(self) -> bool:
        return self.holds

    @property
    def offsets(self) -> Interval:
        return Interval(low=1 - self.number, high=self.number - 1)

    @property
    def chunk(self) -> int:
        return self.number

    def is_within(self, other: Self) -> bool:
        """Blocks of 2 lie in blocks of 4."""
        return other.number % self.number == 0

    def decided(self, low: float, high: float, stop: float) -> bool | None:  # noqa: ARG002
        if low == high == 0:
            return True
        return False if low >= self.number or high <= -self.number else None

    def keys(self, i: int, start: int, width: int, length: int) -> int:  # noqa: ARG002
        own = i // self.number * self.number - start
        return _ones(own + self.number) & ~_ones(own)

    def fullest(self, length: int) -> Iterable[int]:
        """The last query of a block reads the whole block."""
        return (length // self.number * self.number - 1,)


class Dilated(Condition):
    """The offset j - i is a multiple of n."""

    __slots__ = ()
    name, example, meaning = "dilated", 3, "every s-th, counted from itself"
    is_relative = True
    forms = ("(i - j) % {n} == 0", "(i - j) % {n} != 0")

    @property
    def step(self) -> int:
        return self.number

    def is_within(self, other: Self) -> bool:
        """Multiples of 4 are multiples of 2."""
        return self.number % other.number == 0

    def met(self, other: Self) -> "Dilated":
        return Dilated(lcm(self.number, other.number))

    def decided(self, low: float, high: float, stop: float) -> bool | None:  # noqa: ARG002
        if self.number == 1:
            return True
        inner_low, inner_high = multiples(low, high, self.number)
        if low == high or inner_low > inner_high:
            return low % self.number == 0
        return None

    def keys(self, i: int, start: int, width: int, length: int) -> int:  # noqa: ARG002
        return _every(self.number, width) << (i - start) % self.number


class Strided(Condition):
    """j is the last of n positions, counted from 0; the query does not matter."""

    __slots__ = ()
    name, example, meaning = "strided", 3, "the last of each s, the same for all queries"
    forms = ("j % {n} == {m}", "j % {n} != {m}")

    @property
    def is_lasting(self) -> bool:
        return True

    def is_within(self, other: Self) -> bool:
        """The last of each 4 is the last of a pair."""
        return self.number % other.number == 0

    def met(self, other: Self) -> "Strided":
        return Strided(lcm(self.number, other.number))

    def decided(self, low: float, high: float, stop: float) -> bool | None:  # noqa: ARG002
        if self.number == 1:
            return True
        return False if stop < self.number else None

    def keys(self, i: int, start: int, width: int, length: int) -> int:  # noqa: ARG002
        return _every(self.number, width) << (self.number - 1 - start) % self.number


class Last(Condition):
    """j is one of the last n positions of the stream."""

    __slots__ = ()
    name, example = "last", 2
    meaning = "the last n of the stream: not in the decoder's own attention"
    forms = ("j >= length - {n}", "j < length - {n}")
    needs_length = True

    @property
    def period(self) -> int:
        return 1

    @property
    def edges(self) -> tuple[int, ...]:
        return (self.number,)

    def is_within(self, other: Self) -> bool:
        """The last 2 are of the last 4."""
        return self.number <= other.number

    def keys(self, i: int, start: int, width: int, length: int) -> int:  # noqa: ARG002
        return _ones(width) & ~_ones(length - self.number - start)


def multiples(low: float, high: float, step: int) -> tuple[float, float]:
    """Return the outermost multiples of `step` within bounds; the first is larger if none is."""
    inner_low = low if abs(low) == inf else -(-low // step) * step
    inner_high = high if abs(high) == inf else high // step * step
    return inner_low + 0.0, inner_high + 0.0


def _ones(count: int) -> int:
    """Return a number of `count` set bits; 0 if that is negative."""
    return (1 << max(0, count)) - 1


def _every(step: int, width: int) -> int:
    """Return a number of at least `width` bits in which each `step`-th bit is set, from 0 on."""
    bits, size = 1, step
    while size < width:
        bits |= bits << size
        size *= 2
    return bits
