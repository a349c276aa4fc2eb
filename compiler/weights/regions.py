"""Computes which elements of the files' tensors an expression reads, and which are unread.

A box is a range of indices for each dimension; an expression reads boxes of its tensors.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

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
from compiler.weights.shape import Shape, Stored, shape_of

Extent = tuple[int, int]
"""The first place of a dimension, and that after the last."""
Box = tuple[Extent, ...]
Files = Mapping[str, Stored]


def whole(shape: Shape) -> Box:
    return tuple((0, size) for size in shape)


def reads(expression: Expression, files: Files) -> Iterator[tuple[str, Box]]:
    """The tensors of an expression, each with a box of it that is read."""
    yield from _read(expression, whole(shape_of(expression, files)), files)


def unread(shape: Shape, boxes: Sequence[Box]) -> Box | None:
    """A part of a tensor that is in none of the boxes, None where they hold all of it."""
    if not boxes:
        return whole(shape)
    if not shape:
        return None
    cuts = sorted({0, shape[0], *(place for box in boxes for place in box[0])})
    for start, stop in pairwise(cuts):
        inside = {box[1:] for box in boxes if box[0][0] <= start and stop <= box[0][1]}
        if (gap := unread(shape[1:], list(inside))) is not None:
            return ((start, stop), *gap)
    return None


def extent(part: Range | Index, size: int) -> Extent:
    """The range of a dimension that a part of an index takes."""
    if isinstance(part, Index):
        return part.place, part.place + 1
    return part.start, size if part.stop is None else part.stop


def _read(expression: Expression, box: Box, files: Files) -> Iterator[tuple[str, Box]]:
    """Yield the boxes of tensors that are read for a box of the expression's value."""
    match expression:
        case Foreign(name=name):
            yield name, box
        case Number():
            return
        case Transposed(base=base):
            yield from _read(base, box[::-1], files)
        case Arithmetic(left=left, right=right):
            for side in (left, right):  # broadcasting aligns the last dimensions
                dimensions = len(shape_of(side, files))
                yield from _read(side, box[len(box) - dimensions :], files)
        case Rows(items=items):
            yield from _read_rows(items, box, files)
        case Indexed(base=base, parts=parts):
            yield from _read(base, _indexed(parts, shape_of(base, files), box), files)
        case Called(base=base):
            for part in _called(expression, shape_of(base, files), box):
                yield from _read(base, part, files)


def _read_rows(items: Sequence[Expression], box: Box, files: Files) -> Iterator[tuple[str, Box]]:
    (start, stop), *others = box
    first = 0
    for item in items:
        rows = shape_of(item, files)[0]
        own = max(start - first, 0), min(stop - first, rows)
        if own[0] < own[1]:
            yield from _read(item, (own, *others), files)
        first += rows


def _indexed(parts: Sequence[Range | Index], shape: Shape, box: Box) -> Box:
    """The box of the base; an integer index has no dimension in the value."""
    rest, found = list(box), []
    for part, size in zip(parts, shape, strict=False):
        first, last = extent(part, size)
        if isinstance(part, Range):
            start, stop = rest.pop(0)
            first, last = first + start, first + stop
        found.append((first, last))
    return (*found, *rest)


def _called(called: Called, shape: Shape, box: Box) -> Iterator[Box]:
    """The boxes of the base that a box of the value is made of."""
    match called.function:
        case "split":
            (first, last), (start, stop), *others = box
            rows = shape[0] // called.count
            for part in range(first, last):
                yield ((part * rows + start, part * rows + stop), *others)
        case "join":
            (start, stop), *others = box
            for part in range(start // shape[1], -(-stop // shape[1])):
                first, last = max(start - part * shape[1], 0), min(stop - part * shape[1], shape[1])
                yield ((part, part + 1), (first, last), *others)
        case _:
            yield from _reordered(called, shape, box)


def _reordered(called: Called, shape: Shape, box: Box) -> Iterator[Box]:
    """The boxes of reordered heads: row by row where not all heads are read whole."""
    (start, stop), *others = box
    rows = shape[0] // called.count
    if start % rows == 0 == stop % rows:
        yield box
        return
    half = rows // 2
    for row in range(start, stop):
        head, place = divmod(row, rows)
        if called.function == "pairs_to_halves":
            place = 2 * (place % half) + place // half
        else:
            place = place // 2 + half * (place % 2)
        yield ((head * rows + place, head * rows + place + 1), *others)
