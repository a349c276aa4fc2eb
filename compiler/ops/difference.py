"""Two maps of attention, one taken from the other (Ye et al. 2024)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.elementwise import Elementwise
from compiler.ops.expression import Binary, Call, Const, Expression, Hyperparameter, call
from compiler.ops.op import Cost
from compiler.ops.parameter import Initial, Parameter
from compiler.ops.shape import Lengths, Shape, ShapeError, elements, size

NAMES = ("query_1", "key_1", "query_2", "key_2")
"""The vectors from whose products the share of the second map is computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Elementwise):
    """x [batch, 2 * heads, queries, ...] -> its first half - share * its second.

    The share is exp(query_1 key_1) - exp(query_2 key_2) and a number that grows with the layer.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("differential",)
    made_by: ClassVar[tuple[str, ...]] = ("differential",)
    saved: ClassVar[int] = 1

    heads: Hyperparameter
    width: Hyperparameter
    layer_number: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Difference of maps", kind="sum", words="differential")

    def parameters(self) -> tuple[Parameter, ...]:
        initial = Initial(kind="normal", scale=Const(0.1))
        return tuple(
            Parameter(name=name, shape=(self.width,), initial=initial, decays=False)
            for name in NAMES
        )

    def module(self) -> Expression:
        return call("Difference", self.width, self.layer_number)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        if size(x[1], {}) != 2 * size(self.heads, {}):
            raise ShapeError(f"difference: {size(x[1], {})} maps are not two for each head")
        return ((x[0], self.heads, *x[2:]),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=count, saved_for_backward=count // 2)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceScale(Elementwise):
    """x times 1 minus the share that the layer begins with, so that gradients keep their size."""

    chosen_by: ClassVar[tuple[str, ...]] = ("differential",)

    layer_number: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(note="× (1 - share)", words="× (1 - share)")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(x, "*", Binary(Const(1), "-", call("first_share", self.layer_number)))
