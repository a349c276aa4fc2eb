"""Layer normalisation (Ba et al. 2016; section 3.1)."""

from dataclasses import dataclass

from compiler.ops.expression import Call, Expression, Number, call
from compiler.ops.op import ONES, ZEROS, Cost, Op, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNorm(Op):
    """x [..., width] to mean 0 and deviation 1 along the width, times a gain plus a bias."""

    width: Number
    eps: Number

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[-1:], (self.width,), "layer_norm")
        return (x,)

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.width,)
        weight = Parameter(name="weight", shape=shape, initial=ONES, decays=False)
        return (weight, Parameter(name="bias", shape=shape, initial=ZEROS, decays=False))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=8 * count, kept=count)

    def module(self) -> Expression:
        return call("nn.LayerNorm", self.width, self.eps)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)
