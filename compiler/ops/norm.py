"""Layer normalisation (Ba et al. 2016; section 3.1), and that by the root of the mean square."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.expression import Call, Const, Expression, Hyperparameter, Name, call
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import ONES, ZEROS, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm(Op):
    """The base of norms: x [..., width] -> [..., width], `flops` operations for each number."""

    flops: ClassVar[int] = 8

    width: Expression
    eps: Hyperparameter

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[-1:], (self.width,), "norm")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=self.flops * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNorm(Norm):
    """To mean 0 and deviation 1 along the width, times a gain, plus a bias if there is one."""

    bias: bool

    @property
    def caption(self) -> Caption:
        return Caption(title="Layer Norm", kind="norm")

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.width,)
        weight = Parameter(name="weight", shape=shape, initial=ONES, decays=False)
        bias = Parameter(name="bias", shape=shape, initial=ZEROS, decays=False)
        return (weight, bias) if self.bias else (weight,)

    def module(self) -> Expression:
        keywords = () if self.bias else (("bias", Const(False)),)
        return Call(Name("nn.LayerNorm"), (self.width, self.eps), keywords)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRMSNorm(Norm):
    """To mean square 1 along each of `groups` equal parts of the width, times a gain."""

    flops: ClassVar[int] = 5

    groups: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="RMS Norm", kind="norm", words=f"{self.groups.value} groups")

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter(name="weight", shape=(self.width,), initial=ONES, decays=False),)

    def module(self) -> Expression:
        return call("GroupRMSNorm", self.width, self.groups, self.eps)


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSNorm(Norm):
    """To mean square 1 along the width, times a gain (Zhang and Sennrich 2019).

    With `offset` the gain is 1 + weight, so that a weight that decays leaves a gain of 1.
    """

    flops: ClassVar[int] = 5

    offset: bool

    @property
    def caption(self) -> Caption:
        return Caption(title="RMS Norm", kind="norm")

    def parameters(self) -> tuple[Parameter, ...]:
        initial = ZEROS if self.offset else ONES
        return (Parameter(name="weight", shape=(self.width,), initial=initial, decays=False),)

    def module(self) -> Expression:
        return call("OffsetRMSNorm" if self.offset else "nn.RMSNorm", self.width, self.eps)
