"""Ops of state spaces besides their scan: steps in time, and what passes by the state.

Each has a number for each head, which is a parameter without a module (Gu and Dao 2023, section
3.2; Dao and Gu 2024, section 7).
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Binary,
    Expression,
    Hyperparameter,
    call,
)
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import LOG_COUNTS, LOG_STEPS, ONES, Initial, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class OfHeads(Op):
    """The base of ops with a trained number for each head."""

    heads: Hyperparameter

    @property
    @abstractmethod
    def initial(self) -> Initial:
        """The distribution that the numbers start from."""

    @property
    @abstractmethod
    def maker(self) -> str:
        """The function that makes them."""

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter(name="", shape=(self.heads,), initial=self.initial, decays=False),)

    def module(self) -> Expression:
        return call("nn.Parameter", call(self.maker, self.heads))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=2 * count, saved_for_backward=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSize(OfHeads):
    """x [batch, position, heads] -> softplus(x + a bias), the step of each head, above zero."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Step")

    @property
    def initial(self) -> Initial:
        return LOG_STEPS

    @property
    def maker(self) -> str:
        return "step_biases"

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        require(inputs[0][-1:], (self.heads,), "step_size")
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("step_size", *inputs, this)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDecay(OfHeads):
    """step [batch, heads, position, 1] -> -A step, the logarithm of what a step leaves of a state.

    The parameter is the logarithm of A.
    """

    @property
    def caption(self) -> Caption:
        return Caption()

    @property
    def initial(self) -> Initial:
        return LOG_COUNTS

    @property
    def maker(self) -> str:
        return "log_counts"

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("step_decay", *inputs, this)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipConnection(OfHeads):
    """mixed and value [batch, heads, position, width] -> mixed + D value: what skips the state."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Skip")

    @property
    def initial(self) -> Initial:
        return ONES

    @property
    def maker(self) -> str:
        return "torch.ones"

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        mixed, value = inputs
        require(value, mixed, "add_skip")
        return (mixed,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("add_skip", *inputs, this)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weigh(Op):
    """x [..., width], weight [..., 1] -> their product."""

    @property
    def caption(self) -> Caption:
        return Caption(title="×", kind="product")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, weight = inputs
        require(weight[:-1], x[:-1], "weigh")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, weight = inputs
        return Binary(x, "*", weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLength(Op):
    """x [..., width] / the root of its sum of squares, plus 1e-6."""

    flops: ClassVar[int] = 4

    @property
    def caption(self) -> Caption:
        return Caption(title="Unit Length", kind="norm")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=self.flops * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("unit_length", *inputs)
