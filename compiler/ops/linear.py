"""The linear map, one or several side by side (sections 3.2.2 and 3.3)."""

from dataclasses import dataclass

from compiler.ops.expression import Call, Expression, Literal, Name, Number, total
from compiler.ops.op import ZEROS, Cost, Initial, Op, Parameter
from compiler.ops.shape import Lengths, Shape, ShapeError, elements, same, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Op):
    """x [..., inputs] -> [..., sum(outputs)]; names of outputs name slices of the weight."""

    inputs: Expression
    outputs: tuple[tuple[str, Expression], ...]
    bias: bool
    initial: Initial

    def helpers(self) -> tuple[str, ...]:
        return ("linear",)

    def width(self) -> Expression:
        """Rows of the weight."""
        return total(*(width for _, width in self.outputs))

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        if not same(x[-1], self.inputs):
            raise ShapeError(f"linear: expected width {self.inputs}, got {x[-1]}")
        return ((*x[:-1], self.width()),)

    def parameters(self) -> tuple[Parameter, ...]:
        names = tuple(name for name, _ in self.outputs)
        shape = (self.width(), self.inputs)
        weight = Parameter(name="weight", shape=shape, initial=self.initial, slices=names)
        if not self.bias:
            return (weight,)
        bias = Parameter(name="bias", shape=shape[:1], initial=ZEROS, decays=False, slices=names)
        return (weight, bias)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        (x,) = inputs
        rows = elements(x[:-1], lengths)
        flops = 2 * rows * size(self.inputs, lengths) * size(self.width(), lengths)
        return Cost(flops=flops, kept=elements(x, lengths))

    def module(self) -> Expression:
        sizes = tuple(width for _, width in self.outputs)
        keywords: tuple[tuple[str, Expression], ...] = ()
        if not self.bias:
            keywords += (("bias", Literal(False)),)
        return Call(Name("linear"), (self.inputs, *sizes), keywords + self.initial_arguments())

    def initial_arguments(self) -> tuple[tuple[str, Expression], ...]:
        """What the helper must be told of the distribution."""
        kind, scale = self.initial.kind, self.initial.scale
        if kind == "xavier":
            return () if scale == Literal(1.0) else (("gain", scale),)
        return () if isinstance(scale, Number) else (("deviation", scale),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)
