"""Shapes with named dimensions: sizes known from the spec are expressions, others have a name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, render


@dataclass(frozen=True, slots=True)
class Free:
    """A dimension whose size comes with the data: `batch`, or a stream of positions."""

    name: str


Dimension = Free | Expression
Shape = tuple[Dimension, ...]
Lengths = Mapping[str, int]

BATCH, BEAM = Free("batch"), Free("beam")
SOURCE, TARGET = Free("source"), Free("target")


class ShapeError(Exception):
    """Shapes that do not fit an op: a bug of the compiler, as the spec has been checked before."""


def size(dimension: Dimension, lengths: Lengths) -> int:
    """The size of a dimension, with the sizes of the free ones given."""
    match dimension:
        case Free(name=name):
            return lengths[name]
        case Hyperparameter(value=value) | Const(value=value):
            return int(value)
        case Binary(left=left, operator="*", right=right):
            return size(left, lengths) * size(right, lengths)
        case Binary(left=left, operator="+", right=right):
            return size(left, lengths) + size(right, lengths)
        case Binary(left=left, operator="-", right=right):
            return size(left, lengths) - size(right, lengths)
        case Binary(left=left, operator="//", right=right):
            return size(left, lengths) // size(right, lengths)
        case _:
            raise ShapeError(f"{dimension} is no size")


def elements(shape: Shape, lengths: Lengths) -> int:
    """Return the number of elements of a tensor of this shape."""
    return prod(size(dimension, lengths) for dimension in shape)


def same(one: Dimension, other: Dimension) -> bool:
    """Return whether two dimensions have one size whatever the data."""
    if isinstance(one, Free) or isinstance(other, Free):
        return one == other
    return size(one, {}) == size(other, {})


def require(shape: Shape, wanted: Shape, what: str) -> None:
    """Raise `ShapeError` unless the shapes agree, dimension by dimension."""
    fits = len(shape) == len(wanted)
    if not fits or not all(same(one, other) for one, other in zip(shape, wanted, strict=True)):
        raise ShapeError(f"{what}: expected {words(wanted)}, got {words(shape)}")


def words(shape: Shape, name_of: Callable[[Hyperparameter], str] | None = None) -> str:
    """`[batch, source, D_MODEL]`."""
    naming = name_of or (lambda number: number.name.upper())

    def word(dimension: Dimension) -> str:
        return dimension.name if isinstance(dimension, Free) else render(dimension, naming)

    return f"[{', '.join(word(dimension) for dimension in shape)}]"
