"""Ops that work on each number by itself: sum, product, scale, cap, dropout, activation."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.activations import ACTIVATIONS, Nonlinearity
from compiler.ops.caption import Caption, numeral
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Const,
    Expression,
    Hyperparameter,
    List,
    Str,
    call,
    method,
)
from compiler.ops.op import Cost, Identity, Op, PackedForm, State
from compiler.ops.parameter import Initial, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Op):
    """The base of ops on each number x [...] by itself.

    `flops` and `saved` are the operations for one number, and the numbers kept for its gradient.
    """

    flops: ClassVar[int] = 1
    saved: ClassVar[int] = 0

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=self.flops * count, saved_for_backward=self.saved * count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Elementwise):
    """x [..., position, width] + y of the same shape, or without the batch."""

    @property
    def caption(self) -> Caption:
        return Caption(title="+", kind="sum")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, y = inputs
        require(x[-len(y) :][-1:], y[-1:], "add")
        return (x,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, y = inputs
        return Binary(x, "+", y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Elementwise):
    """x * by."""

    by: Expression

    @property
    def caption(self) -> Caption:
        return Caption(note=f"× {numeral(self.by)}", words=f"× {numeral(self.by)}")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(x, "*", self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScale(Elementwise):
    """x [..., width] times a learned factor for each number, `start` at first (CaiT)."""

    chosen_by: ClassVar[tuple[str, ...]] = ("layer_scale",)
    saved: ClassVar[int] = 1

    width: Hyperparameter
    start: Hyperparameter

    @property
    def caption(self) -> Caption:
        aside = f"factors start at {numeral(self.start)}"
        return Caption(title="Layer Scale", kind="product", aside=aside)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[-1:], (self.width,), "layer_scale")
        return (x,)

    def parameters(self) -> tuple[Parameter, ...]:
        initial = Initial(kind="constant", scale=self.start)
        return (Parameter(name="", shape=(self.width,), initial=initial, decays=False),)

    def module(self) -> Expression:
        return call("nn.Parameter", call("torch.full", List((self.width,)), self.start))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(x, "*", this)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(Elementwise):
    """Dropout, which zeroes a share `rate` of the numbers in training (Srivastava et al. 2014)."""

    saved: ClassVar[int] = 1

    rate: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"dropout {numeral(self.rate)}")

    @property
    def is_identity(self) -> bool:
        return self.rate.value == 0

    def state(self, decoded: tuple[bool, ...]) -> State:
        return Identity()

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("dropout", *inputs, self.rate, Attribute(this, "training"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StochasticDepth(Dropout):
    """x [batch, ...]: in training zero for a share `rate` of the sentences, others scaled up."""

    saved: ClassVar[int] = 0

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"stochastic depth {numeral(self.rate)}")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("stochastic_depth", *inputs, self.rate, Attribute(this, "training"))

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedDepth(rate=self.rate), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedDepth(StochasticDepth):
    """x [1, place, width], packed sentences -> x, zero for a share `rate` of the sentences."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs[:1]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("packed_stochastic_depth", *inputs, self.rate, Attribute(this, "training"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Elementwise):
    """x -> a non-linearity of each number; `name` is that of the table of activations.

    It is a part of its block if it learns, which `part` names.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("activation",)
    made_by: ClassVar[tuple[str, ...]] = ("activation",)

    name: str

    @property
    def caption(self) -> Caption:
        title = self.formula.words.partition(" ")[2].partition(" by ")[0]
        return Caption(title=title[0].upper() + title[1:], words=title)

    @property
    def formula(self) -> Nonlinearity:
        """The entry of the table."""
        return ACTIVATIONS[self.name]

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        # The product that reads the result keeps it, too: it is there once.
        saved = 0 if self.formula.keeps_result else self.formula.saved
        return Cost(flops=self.flops * count, saved_for_backward=saved * count)

    @property
    def part(self) -> str:
        """The name of its part; empty if it has no parameters."""
        return "activation" if self.formula.learns else ""

    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(
            Parameter(name=name, shape=(Const(1),), initial=_constant(start), decays=False)
            for name, start in self.formula.learns
        )

    def module(self) -> Expression:
        return call(self.formula.function)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        if self.formula.learns:
            return Call(this, inputs)
        arguments = {key: Str(value) for key, value in self.formula.arguments}
        result = call(self.formula.function, *inputs, **arguments)
        return method(result, self.formula.then) if self.formula.then else result


def _constant(number: float) -> Initial:
    return Initial(kind="constant", scale=Const(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp(Elementwise):
    """x -> no number above `bound`; if `is_both`, none below its negative."""

    chosen_by: ClassVar[tuple[str, ...]] = ("clamp", "gated")
    saved: ClassVar[int] = 1

    bound: Hyperparameter
    is_both: bool

    @property
    def caption(self) -> Caption:
        text = f"{'±' if self.is_both else '≤ '}{numeral(self.bound)}"
        return Caption(title=f"Clamp {text}", words=f"clamped {text}")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        if self.is_both:
            return call("clamp", *inputs, self.bound)
        return Call(Attribute(inputs[0], "clamp"), (), (("max", self.bound),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset(Elementwise):
    """x + by."""

    chosen_by: ClassVar[tuple[str, ...]] = ("up_offset", "gated")

    by: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(note=f"+ {numeral(self.by)}", words=f"+ {numeral(self.by)}")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(x, "+", self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiply(Elementwise):
    """x * y of the same shape."""

    chosen_by: ClassVar[tuple[str, ...]] = ("gated",)
    saved: ClassVar[int] = 2

    @property
    def caption(self) -> Caption:
        return Caption(title="×", kind="product", words="gated")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, y = inputs
        require(x, y, "multiply")
        return (x,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, y = inputs
        return Binary(x, "*", y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weigh(Elementwise):
    """weight [..., 1] * x [..., width]."""

    saved: ClassVar[int] = 1

    @property
    def caption(self) -> Caption:
        return Caption(title="×", kind="product")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        weight, x = inputs
        require(weight[:-1], x[:-1], "weigh")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Elementwise.cost(self, inputs[1:], lengths)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        weight, x = inputs
        return Binary(weight, "*", x)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftCap(Elementwise):
    """cap * tanh(x / cap): near 0 it is x, and none exceeds the cap (Gemma 2)."""

    flops: ClassVar[int] = 3
    saved: ClassVar[int] = 1

    cap: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title=f"Soft cap {numeral(self.cap)}")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Binary(self.cap, "*", call("torch.tanh", Binary(x, "/", self.cap)))
