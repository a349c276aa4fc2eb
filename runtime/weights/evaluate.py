"""Expressions of an import map, on tensors."""

import operator
from collections.abc import Mapping

import torch
from torch import Tensor

from compiler.import_map.expression import (
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
        case Transposed(base=base):
            return evaluate(base, tensors).T
        case Indexed(base=base, parts=parts):
            return evaluate(base, tensors)[tuple(_index(part) for part in parts)]
        case Arithmetic(left=left, operator=sign, right=right):
            return OPERATORS[sign](evaluate(left, tensors), evaluate(right, tensors))
        case Called(base=base):
            return _called(expression, evaluate(base, tensors))


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
