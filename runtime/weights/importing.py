"""The state dict of our model from the tensors of another, by the expressions of an import map."""

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from compiler.spec.lock import LOCK
from compiler.weights.assignment import Assigned
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
from compiler.weights.map import ImportMap, read_map
from compiler.weights.parameters import NamedParameter
from compiler.weights.plan import plan
from compiler.weights.shape import Stored
from runtime.errors import UserError
from runtime.package import Package
from runtime.weights.files import Tensors


def import_weights(
    parameters: Sequence[NamedParameter], tensors: Mapping[str, Tensor], map: Path
) -> Tensors:
    """The state dict of a model with these parameters, in float32.

    Raises the compiler's Rejected with all that is wrong with the map, and a UserError for values
    that are no numbers.
    """
    return weights_by(read_map(map), parameters, tensors)


def weights_by(
    map: ImportMap, parameters: Sequence[NamedParameter], tensors: Mapping[str, Tensor]
) -> Tensors:
    """Return what a map gives to these parameters, in float32; raises as `import_weights` does."""
    planned = plan(map, parameters, described(tensors))
    return {each.name: _value(each, tensors) for each in planned}


def check_package(package: Package, weights: Mapping[str, Tensor]) -> None:
    """Raise a UserError if the network of a package, edited by hand, has other parameters."""
    with torch.device("meta"):
        model = package.model_class()
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if own != {name: tensor.shape for name, tensor in weights.items()}:
        raise UserError(
            f"the network in {package.folder} has other parameters than its {LOCK} says",
            help="it was edited by hand: give a package as it was compiled, or the spec",
        )


def described(tensors: Mapping[str, Tensor]) -> dict[str, Stored]:
    """Shapes and types."""
    return {
        name: Stored(shape=tuple(tensor.shape), kind=str(tensor.dtype).removeprefix("torch."))
        for name, tensor in tensors.items()
    }


def _value(filled: Assigned, tensors: Mapping[str, Tensor]) -> Tensor:
    # A single number fills all of its place.
    value = torch.cat(
        [evaluate(each.expression, tensors).expand(each.shape) for each in filled.assignments]
    )
    if not value.isfinite().all():
        raise UserError(f"{filled.name} would get values that are not finite (nan or inf)")
    return value


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def evaluate(expression: Expression, tensors: Mapping[str, Tensor]) -> Tensor:
    """The value, in float32; the plan has made sure that all shapes fit."""
    match expression:
        case Foreign(name=name):
            return tensors[name].float()
        case Number(value=value):
            return torch.tensor(value, dtype=torch.float32)
        case Rows(items=items):
            return torch.cat([evaluate(item, tensors) for item in items])
        case Arithmetic(left=left, operator=sign, right=right):
            return OPERATORS[sign](evaluate(left, tensors), evaluate(right, tensors))
        case Transposed(base=base) | Indexed(base=base) | Called(base=base):
            return moved(expression, evaluate(base, tensors))


def moved(expression: Transposed | Indexed | Called, x: Tensor) -> Tensor:
    """Return the elements of x, of any type, in the order and shape of an expression of x."""
    match expression:
        case Transposed():
            return x.T
        case Indexed(parts=parts):
            return x[tuple(_index(part) for part in parts)]
        case Called():
            return _called(expression, x)


def _index(part: Range | Index) -> int | slice:
    return part.place if isinstance(part, Index) else slice(part.start, part.stop)


def _called(expression: Called, x: Tensor) -> Tensor:
    """x [rows, ...] in another shape or order."""
    count = expression.count
    match expression.function:
        case "split":
            return x.reshape(count, -1, *x.shape[1:])
        case "join":
            return x.flatten(0, 1)
        case "pairs_to_halves":
            return x.reshape(count, -1, 2, *x.shape[1:]).transpose(1, 2).flatten(0, 2)
        case "halves_to_pairs":
            return x.reshape(count, 2, -1, *x.shape[1:]).transpose(1, 2).flatten(0, 2)
