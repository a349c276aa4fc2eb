"""What a parameter is made of: pieces, each an expression of foreign tensors."""

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
class Piece:
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
        """Whether it is all of the parameter."""
        return self.target == self.holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A parameter with all its pieces, in the order of its rows."""

    name: str
    pieces: tuple[Piece, ...]


def parts(parameter: NamedParameter) -> Iterator[tuple[str, Shape]]:
    """The names under which a map fills a parameter piece by piece: its slices, or itself."""
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
