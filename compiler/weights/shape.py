"""Shapes of expressions, known before any tensor is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.source.diagnostic import Rejected, did_you_mean, mistake, quoted
from compiler.source.span import Span
from compiler.weights.expression import (
    Arithmetic,
    Called,
    Expression,
    Foreign,
    Index,
    Indexed,
    Number,
    Range,
    Rows,
    Transposed,
)

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor of the files. `kind` is the type of its numbers: `float32`, `int64`."""

    shape: Shape
    kind: str = "float32"

    @property
    def holds_weights(self) -> bool:
        """True if its numbers can be weights: neither whole numbers nor quantised."""
        return "float" in self.kind


def shape_of(expression: Expression, files: Mapping[str, Stored]) -> Shape:
    """The shape of an expression's value.

    Raises `Rejected` for what the files do not have, and where shapes do not fit.
    """
    match expression:
        case Number():
            return ()
        case Foreign(name=name, span=span):
            return _known(name, span, files)
        case Arithmetic(left=left, right=right, span=span):
            return _common(shape_of(left, files), shape_of(right, files), span)
        case Rows(items=items):
            return _stacked([(each, shape_of(each, files)) for each in items])
        case Transposed() | Indexed() | Called():
            return _changed(expression, shape_of(expression.base, files))


def words(shape: Shape) -> str:
    """`12 rows of 4`."""
    match shape:
        case ():
            return "a single number"
        case (length,):
            return f"{length:,} number{'' if length == 1 else 's'}"
        case (rows, columns):
            return f"{rows:,} row{'' if rows == 1 else 's'} of {columns:,}"
        case _:
            return " x ".join(f"{each:,}" for each in shape)


def misfit(span: Span, message: str, help: str = "") -> Rejected:
    return Rejected([mistake(span, "wrong-shape", message, help)])


def _known(name: str, span: Span, files: Mapping[str, Stored]) -> Shape:
    if name not in files:
        message = f"the files have no tensor {quoted(name)}"
        raise Rejected([mistake(span, "unknown-tensor", message, did_you_mean(name, files))])
    if not files[name].holds_weights:
        message = f"{quoted(name)} holds numbers of type {files[name].kind}"
        help = "weights are floating-point numbers: convert a quantised model back first"
        raise Rejected([mistake(span, "not-weights", message, help)])
    return files[name].shape


def _common(left: Shape, right: Shape, span: Span) -> Shape:
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    if shorter != longer[len(longer) - len(shorter) :]:
        raise misfit(span, f"{words(left)} and {words(right)} do not fit together")
    return longer


def _stacked(items: list[tuple[Expression, Shape]]) -> Shape:
    first = items[0][1]
    for item, shape in items:
        if not shape:
            raise misfit(item.span, "a single number has no rows to put into a list")
        if shape[1:] != first[1:]:
            message = f"{words(shape)} cannot stand below {words(first)}"
            raise misfit(item.span, message)
    return (sum(shape[0] for _, shape in items), *first[1:])


def _changed(expression: Transposed | Indexed | Called, shape: Shape) -> Shape:
    match expression:
        case Transposed(span=span):
            if len(shape) != 2:
                raise misfit(span, f"`.T` is for rows and columns, and this is {words(shape)}")
            return shape[::-1]
        case Indexed(parts=parts, span=span):
            if len(parts) > len(shape):
                raise misfit(span, f"{len(parts)} parts of {words(shape)}")
            kept = [_part(part, size) for part, size in zip(parts, shape, strict=False)]
            return (*(each for each in kept if each is not None), *shape[len(parts) :])
        case Called():
            return _called(expression, shape)


def _part(part: Range | Index, size: int) -> int | None:
    """Return the number of entries taken of a dimension; None where the dimension goes."""
    if isinstance(part, Index):
        if part.place >= size:
            raise misfit(part.span, f"there is no {part.place}: it goes from 0 to {size - 1}")
        return None
    stop = size if part.stop is None else part.stop
    if not part.start < stop <= size:
        raise misfit(part.span, f"`{part.start}:{stop}` is no part of {size}")
    return stop - part.start


def _called(expression: Called, shape: Shape) -> Shape:
    name, count = expression.function, expression.count
    if name == "join":
        if len(shape) < 2:
            raise misfit(
                expression.span, f"`join` needs two dimensions, and this is {words(shape)}"
            )
        return (shape[0] * shape[1], *shape[2:])
    parts = count if name == "split" else 2 * count
    if not shape or shape[0] % parts:
        raise misfit(expression.span, f"{words(shape)} cannot be cut into {parts} equal parts")
    return (count, shape[0] // count, *shape[1:]) if name == "split" else shape
