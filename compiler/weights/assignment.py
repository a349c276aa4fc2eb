"""Assignments to parameters: each gives one, or a slice of it, an expression of foreign tensors."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.source.span import Span
from compiler.weights.expression import (
    Arithmetic,
    Called,
    Expression,
    Foreign,
    Indexed,
    Number,
    Rows,
    Transposed,
)
from compiler.weights.parameters import NamedParameter
from compiler.weights.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A parameter, or a slice of it, with what it gets, and the line of the map that says so."""

    target: str
    shape: Shape
    expression: Expression
    span: Span

    @property
    def holder(self) -> str:
        """The parameter."""
        return self.target.partition("[")[0]

    @property
    def is_whole(self) -> bool:
        """True if it is all of the parameter."""
        return self.target == self.holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A parameter with all its assignments, in the order of its rows."""

    name: str
    assignments: tuple[Assignment, ...]


def parts(parameter: NamedParameter) -> Iterator[tuple[str, Shape]]:
    """Yields the names by which a map assigns to a parameter: its slices, or its own."""
    if not parameter.slices:
        yield parameter.name, parameter.shape
    for name, rows in parameter.slices:
        yield f"{parameter.name}[{name}]", (rows, *parameter.shape[1:])


def tensors(expression: Expression) -> Iterator[str]:
    """The names of the tensors that an expression reads."""
    match expression:
        case Foreign(name=name):
            yield name
        case Number():
            return
        case Arithmetic(left=left, right=right):
            yield from tensors(left)
            yield from tensors(right)
        case Rows(items=items):
            for item in items:
                yield from tensors(item)
        case Transposed(base=base) | Indexed(base=base) | Called(base=base):
            yield from tensors(base)
