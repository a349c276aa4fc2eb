"""An import map run backwards: the tensors of the other model from the parameters of ours.

No operation of a map needs an inverse of its own. Each number of theirs has a place, and the right
side of a line, evaluated on places in place of numbers, says where each number of ours comes from:
ours = scale * theirs[place] + offset. So theirs[place] = (ours - offset) / scale.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from compiler.weights.assignment import Assignment
from compiler.weights.backwards import no_copy, not_backwards
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
from compiler.weights.map import ImportMap
from compiler.weights.parameters import NamedParameter
from compiler.weights.plan import plan
from compiler.weights.shape import Stored
from runtime.errors import UserError
from runtime.weights.files import Tensors
from runtime.weights.importing import OPERATORS, moved

NOWHERE = -1
"""The place of a number that is none of theirs: a constant of the map."""
CLOSE = 1e-5
"""Numbers that must agree may differ by this share of the larger one, or of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backwards:
    """The tensors that a map, run backwards, gives to the other model."""

    tensors: Tensors
    """Their tensors that are written, in float32."""
    unwritten: tuple[str, ...]
    """Their tensors of which no number is written."""
    partly: Mapping[str, int]
    """The numbers of tensors that are not written, and are 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Numbers of ours as scale * theirs[place] + offset, all of one shape."""

    place: Tensor
    scale: Tensor
    offset: Tensor
    zeros: tuple[Tensor, ...] = ()
    """Places of theirs that are added, too: they become 0."""

    @property
    def is_constant(self) -> bool:
        return bool((self.place == NOWHERE).all())

    def to(self, shape: tuple[int, ...]) -> "Traced":
        """Return the same for each number of a larger shape."""
        fields = (each.expand(shape) for each in (self.place, self.scale, self.offset))
        place, scale, offset = fields
        return replace(self, place=place, scale=scale, offset=offset)


def export_weights(
    map: ImportMap,
    parameters: Sequence[NamedParameter],
    weights: Mapping[str, Tensor],
    theirs: Mapping[str, Stored],
) -> Backwards:
    """Return their tensors, of the shapes in `theirs`, that a map makes of our `weights`.

    Raises `Rejected` for what is wrong with the map, or cannot be run backwards; a UserError where
    two of our numbers that are one of theirs differ, a number of ours that is none of theirs is not
    what the map says, or the second of two summands is written by another line, too.
    """
    planned = plan(map, parameters, theirs)
    first, size = {}, 0
    for name, stored in theirs.items():
        first[name], size = size, size + prod(stored.shape)
    numbers, is_written = torch.zeros(size), torch.zeros(size, dtype=torch.bool)
    zeros: list[Tensor] = []
    for filled in planned:
        own = weights[filled.name].detach().float()
        rows = [each.shape[0] for each in filled.assignments]
        for assignment, ours in zip(filled.assignments, torch.split(own, rows), strict=True):
            traced = _trace(assignment.expression, first, theirs).to(assignment.shape)
            _write(assignment, ours, traced, numbers, is_written)
            zeros += traced.zeros
    _write_zeros(zeros, theirs, first, numbers, is_written)
    return _collected(map, theirs, first, numbers, is_written)


def _trace(
    expression: Expression, first: Mapping[str, int], theirs: Mapping[str, Stored]
) -> Traced:
    """Return where the numbers of an expression come from; places are counted from `first`."""
    match expression:
        case Foreign(name=name):
            shape = theirs[name].shape
            places = torch.arange(first[name], first[name] + prod(shape)).view(shape)
            ones = torch.ones(()).expand(shape)
            return Traced(place=places, scale=ones, offset=torch.zeros(()).expand(shape))
        case Number(value=value):
            nowhere = torch.tensor(NOWHERE)
            return Traced(place=nowhere, scale=torch.zeros(()), offset=torch.tensor(value))
        case Rows(items=items):
            return _joined([_trace(each, first, theirs) for each in items])
        case Arithmetic(left=left, right=right):
            return _computed(expression, _trace(left, first, theirs), _trace(right, first, theirs))
        case Transposed(base=base) | Indexed(base=base) | Called(base=base):
            inner = _trace(base, first, theirs)
            return replace(
                inner,
                place=moved(expression, inner.place),
                scale=moved(expression, inner.scale),
                offset=moved(expression, inner.offset),
            )


def _joined(parts: Sequence[Traced]) -> Traced:
    return Traced(
        place=torch.cat([each.place for each in parts]),
        scale=torch.cat([each.scale for each in parts]),
        offset=torch.cat([each.offset for each in parts]),
        zeros=tuple(place for each in parts for place in each.zeros),
    )


def _computed(expression: Arithmetic, left: Traced, right: Traced) -> Traced:
    """Return the result of an operation with a constant, or the first of two summands.

    Of two tensors of theirs that are added the first gets everything, and the other becomes 0.
    """
    shape = max(left.place.shape, right.place.shape, key=len)  # the plan has compared their ends
    zeros = (*left.zeros, *right.zeros)
    left, right = left.to(shape), right.to(shape)
    sign = OPERATORS[expression.operator]
    if expression.operator in "+-":
        offset = sign(left.offset, right.offset)
        if right.is_constant:
            return replace(left, offset=offset, zeros=zeros)
        if left.is_constant:
            return replace(right, scale=sign(0, right.scale), offset=offset, zeros=zeros)
        return replace(left, offset=offset, zeros=(*zeros, right.place.flatten()))
    if right.is_constant:
        scale, offset = sign(left.scale, right.offset), sign(left.offset, right.offset)
        return replace(left, scale=scale, offset=offset, zeros=zeros)
    if left.is_constant and expression.operator == "*":
        scale, offset = sign(left.offset, right.scale), sign(left.offset, right.offset)
        return replace(right, scale=scale, offset=offset, zeros=zeros)
    raise not_backwards(expression)


def _write(
    assignment: Assignment, ours: Tensor, traced: Traced, numbers: Tensor, is_written: Tensor
) -> None:
    """Write numbers of ours at their places; raises a UserError as `export_weights` does."""
    if not ours.isfinite().all():
        raise UserError(f"{assignment.target} has values that are not finite (nan or inf)")
    is_theirs = (traced.place != NOWHERE) & (traced.scale != 0)
    if not _agree(ours[~is_theirs], traced.offset[~is_theirs]):
        raise UserError(
            f"{assignment.target} has other values than the map of names has for numbers that the "
            f"other model lacks: {_words(traced.offset[~is_theirs])}"
        )
    place, offset = traced.place[is_theirs], traced.offset[is_theirs]
    values = (ours[is_theirs] - offset) / traced.scale[is_theirs]
    again = is_written[place]
    if not _agree(values[again], numbers[place[again]]):
        raise UserError(
            f"{assignment.target} and another parameter are one tensor of the other model, and "
            "their values differ"
        )
    numbers[place], is_written[place] = values, True
    if not _agree(numbers[place], values):
        raise UserError(
            f"several numbers of {assignment.target} are one of the other model, and they differ"
        )


def _write_zeros(
    zeros: Sequence[Tensor],
    theirs: Mapping[str, Stored],
    first: Mapping[str, int],
    numbers: Tensor,
    is_written: Tensor,
) -> None:
    """Write 0 at the places of second summands; raises a UserError as `export_weights` does."""
    for places in zeros:
        own = places[places != NOWHERE]
        for place in own[numbers[own] != 0][:1].tolist():
            ends = ((name, first[name] + prod(stored.shape)) for name, stored in theirs.items())
            name = next(name for name, end in ends if place < end)
            raise UserError(
                f"{name} is added to another tensor of the other model, and is a parameter by "
                "itself, too: their sum does not tell them apart"
            )
        is_written[own] = True


def _words(values: Tensor) -> str:
    return ", ".join(f"{each:g}" for each in sorted(set(values.tolist()))[:5])


def _agree(one: Tensor, other: Tensor) -> bool:
    bound = CLOSE * torch.maximum(one.abs(), other.abs()).clamp(min=1)
    return bool(((one - other).abs() <= bound).all())


def _collected(
    map: ImportMap,
    theirs: Mapping[str, Stored],
    first: Mapping[str, int],
    numbers: Tensor,
    is_written: Tensor,
) -> Backwards:
    """Return the tensors by their names, those of `also:` with what its lines say."""
    tensors: Tensors = {}
    partly: dict[str, int] = {}
    for name, stored in theirs.items():
        part = slice(first[name], first[name] + prod(stored.shape))
        if missing := int((~is_written[part]).sum()):
            if missing == prod(stored.shape):
                continue
            partly[name] = missing
        tensors[name] = numbers[part].view(stored.shape)
    tensors |= dict(_also(map, theirs, tensors))
    unwritten = tuple(name for name in theirs if name not in tensors)
    return Backwards(tensors=tensors, unwritten=unwritten, partly=partly)


def _also(
    map: ImportMap, theirs: Mapping[str, Stored], tensors: Tensors
) -> Iterator[tuple[str, Tensor]]:
    """Yield what the lines of `also:` say of tensors that nothing else has written."""
    for name, stored in theirs.items():
        line = next((each for each in map.also if each.matches(name)), None)
        if line is None or name in tensors:
            continue
        if isinstance(line.value, float):
            yield name, torch.full(stored.shape, line.value)
        elif line.value in tensors and tensors[line.value].shape == stored.shape:
            yield name, tensors[line.value].clone()
        else:
            raise no_copy(line, name)
