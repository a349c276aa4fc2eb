"""Ops that work on each number by itself: sum, product, scale, cap, dropout, activation."""

from dataclasses import dataclass

from compiler.activations import ACTIVATIONS, Nonlinearity
from compiler.ops.expression import Attribute, Binary, Expression, Hyperparameter, Str, call, method
from compiler.ops.op import Cost, Identity, Op, State
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Op):
    """x [..., position, width] + y of the same shape, or without the batch."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, y = inputs
        require(x[-len(y) :][-1:], y[-1:], "add")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(flops=elements(inputs[0], lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, y = inputs
        return Binary(x, "+", y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Op):
    """x * by."""

    by: Expression

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(flops=elements(inputs[0], lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(x, "*", self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(Op):
    """Zeroes a share `rate` of the numbers in training and scales up the others (section 5.4)."""

    rate: Hyperparameter

    @property
    def is_identity(self) -> bool:
        return self.rate.value == 0

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=count, saved_for_backward=count)

    def state(self, decoded: tuple[bool, ...]) -> State:
        return Identity()

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("dropout", *inputs, self.rate, Attribute(this, "training"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StochasticDepth(Op):
    """x [batch, ...]: in training zero for a share `rate` of the sentences, others scaled up."""

    rate: Hyperparameter

    @property
    def is_identity(self) -> bool:
        return self.rate.value == 0

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(flops=elements(inputs[0], lengths))

    def state(self, decoded: tuple[bool, ...]) -> State:
        return Identity()

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("stochastic_depth", *inputs, self.rate, Attribute(this, "training"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Op):
    """x -> a non-linearity of each number; `name` is that of the table of activations."""

    name: str

    @property
    def formula(self) -> Nonlinearity:
        """The entry of the table."""
        return ACTIVATIONS[self.name]

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        arguments = {key: Str(value) for key, value in self.formula.arguments}
        result = call(self.formula.function, *inputs, **arguments)
        return method(result, self.formula.then) if self.formula.then else result


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiply(Op):
    """x * y of the same shape."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, y = inputs
        require(x, y, "multiply")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=count, saved_for_backward=2 * count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, y = inputs
        return Binary(x, "*", y)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftCap(Op):
    """cap * tanh(x / cap): near 0 it is x, and none exceeds the cap (Gemma 2)."""

    cap: Hyperparameter

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(self.cap, "*", call("torch.tanh", Binary(x, "/", self.cap)))
