"""Ops by which a model begins and ends with packed sentences."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.expression import Attribute, Const, Expression, Name, Subscript
from compiler.ops.op import Op
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTokens(Op):
    """packed sentences -> their tokens [1, place], as if they were one sentence."""

    is_inline: ClassVar[bool] = True

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Subscript(Attribute(inputs[0], "tokens"), (Name("None"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyRow(Op):
    """x [1, ...] -> [...]"""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        return (x[1:],)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Subscript(inputs[0], (Const(0),))
