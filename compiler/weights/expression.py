"""Expressions on the right of a colon in an import map: foreign tensors, and computations.

Every node knows its place, so that a shape that does not fit is shown where it arises.
"""

from dataclasses import dataclass
from typing import Literal

from compiler.source.span import Span

Function = Literal["split", "join", "pairs_to_halves", "halves_to_pairs"]
Operator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A tensor of the files, by its name there."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number; as a whole right side it fills all of a parameter."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Transposed:
    """`x.T`: rows become columns."""

    base: "Expression"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """`start:stop`; without `stop`, to the end."""

    start: int
    stop: int | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One place of a dimension, which then is gone."""

    place: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """`x[2:]`, `x[:, 0:64]`, `x[3]`: a part of each of the first dimensions."""

    base: "Expression"
    parts: tuple[Range | Index, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """`x + 1`, number by number; the shorter of two shapes must be the end of the longer."""

    left: "Expression"
    operator: Operator
    right: "Expression"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A change of shape or order by `count`.

    `split(x, n)`: rows [n * r, ...] -> [n, r, ...]; `join(x)`: the reverse. `pairs_to_halves(x, h)`
    sorts the rows of each of h heads from 0 1 2 3 ... to 0 2 ... 1 3 ..., as the two layouts of
    rotary positions have them (Su et al. 2021); `halves_to_pairs(x, h)`: the reverse.
    """

    function: Function
    base: "Expression"
    count: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A list: the rows of one after those of the other."""

    items: tuple["Expression", ...]
    span: Span


Expression = Foreign | Number | Transposed | Indexed | Arithmetic | Called | Rows
