"""One vector for a whole text."""

from dataclasses import dataclass

from compiler.mask.mask import ALL, Mask
from compiler.ops.expression import Const, Expression, Slice, Subscript, call
from compiler.ops.op import Op
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectFirst(Op):
    """x [batch, position, width] -> [batch, width], that of the first position."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, _, width),) = inputs
        return ((batch, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Subscript(x, (Slice(), Const(0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedMean(Op):
    """x [batch, position, width], mask [batch, 1, 1, position] -> [batch, width]."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (batch, _, width), _ = inputs
        return ((batch, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("masked_mean", *inputs)
