"""The linear map, one or several side by side (Vaswani et al. 2017, sections 3.2.2 and 3.3)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Attribute,
    Call,
    Const,
    Expression,
    Hyperparameter,
    List,
    Name,
    call,
    product,
    total,
)
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import ZEROS, Initial, Parameter
from compiler.ops.shape import Lengths, Shape, ShapeError, elements, require, same, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Op):
    """x [..., inputs] -> [..., sum(outputs)]; names of outputs name slices of the weight.

    `gains` are factors on how the weights of each output start, where they are not all 1.
    `is_output_layer` says that its result are logits.
    """

    made_by: ClassVar[tuple[str, ...]] = ("bias", "initialization")

    inputs: Expression
    outputs: tuple[tuple[str, Expression], ...]
    bias: bool
    initial: Initial
    gains: tuple[Expression, ...] = ()
    is_output_layer: bool = False

    @property
    def caption(self) -> Caption:
        return Caption(title="Linear", kind="linear", words=f"→ {size(self.outputs[-1][1], {})}")

    def width(self) -> Expression:
        """Rows of the weight."""
        return total(*(width for _, width in self.outputs))

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        if not same(x[-1], self.inputs):
            raise ShapeError(f"linear: expected width {self.inputs}, got {x[-1]}")
        return ((*x[:-1], self.width()),)

    def parameters(self) -> tuple[Parameter, ...]:
        slices = self.outputs if len(self.outputs) > 1 else ()
        shape = (self.width(), self.inputs)
        weight = Parameter(
            name="weight",
            shape=shape,
            initial=self.initial,
            slices=slices,
            gains=self.gains,
            is_hidden_matrix=not self.is_output_layer,
        )
        if not self.bias:
            return (weight,)
        bias = Parameter(name="bias", shape=shape[:1], initial=ZEROS, decays=False, slices=slices)
        return (weight, bias)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        (x,) = inputs
        rows = elements(x[:-1], lengths)
        flops = 2 * rows * size(self.inputs, lengths) * size(self.width(), lengths)
        return Cost(flops=flops, saved_for_backward=elements(x, lengths))

    def module(self) -> Expression:
        sizes = tuple(width for _, width in self.outputs)
        keywords: tuple[tuple[str, Expression], ...] = ()
        if not self.bias:
            keywords += (("bias", Const(False)),)
        keywords += self.initial.arguments(self.gains)
        return Call(Name("linear"), (self.inputs, *sizes), keywords)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Op):
    """x [..., sum(widths)] -> [..., width], for each: what one map gives, taken apart."""

    returns_list: ClassVar[bool] = True

    widths: tuple[Expression, ...]

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[-1:], (total(*self.widths),), "parts")
        return tuple((*x[:-1], width) for width in self.widths)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("torch.split", *inputs, List(self.widths), dim=Const(-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Op):
    """x [..., count * width] -> `count` of [..., width]: what one map gives, taken apart."""

    chosen_by: ClassVar[tuple[str, ...]] = ("gated",)
    returns_list: ClassVar[bool] = True

    width: Hyperparameter
    count: int = 2

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[-1:], (product(Const(self.count), self.width),), "equal parts")
        return ((*x[:-1], self.width),) * self.count

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Call(Attribute(x, "chunk"), (Const(self.count),), (("dim", Const(-1)),))
