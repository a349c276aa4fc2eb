"""Several residual streams with learned connections (Zhu et al. 2024, "Hyper-Connections")."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption, numeral
from compiler.ops.expression import (
    Call,
    Const,
    Expression,
    Hyperparameter,
    call,
    method,
    product,
    total,
)
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import ONES, ZEROS, Initial, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require, size

STREAMS = Const(-2)
"""The dimension of the streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatStream(Op):
    """x [batch, position, width] -> [batch, position, streams, width], all streams equal."""

    chosen_by: ClassVar[tuple[str, ...]] = ("residual",)

    streams: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(note=f"{numeral(self.streams)} streams")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((*places, width),) = inputs
        return ((*places, self.streams, width),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        single = method(inputs[0], "unsqueeze", STREAMS)
        return method(single, "repeat_interleave", self.streams, STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SumStreams(Op):
    """x [batch, position, streams, width] -> the sum of the streams [batch, position, width]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("residual",)

    streams: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Sum of streams", kind="sum")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((*places, streams, width),) = inputs
        require((streams,), (self.streams,), "sum_streams")
        return ((*places, width),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(flops=elements(inputs[0], lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return method(inputs[0], "sum", STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HyperConnection(Op):
    """x [batch, position, streams, width] -> what a sub-layer reads, the streams mixed, and shares.

    The sub-layer reads a weighted sum of the streams [batch, position, width]. Shares are what each
    stream gets of its output: [streams], or [batch, position, streams] if all weights are `dynamic`
    and depend on the streams. At first it reads the stream number `first`, each stream stays as it
    is, and each gets the output whole.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("residual",)
    made_by: ClassVar[tuple[str, ...]] = ("residual",)

    width: Hyperparameter
    streams: Hyperparameter
    first: int
    dynamic: bool

    @property
    def caption(self) -> Caption:
        words = f"{numeral(self.streams)} streams"
        return Caption(title="Hyper-Connection", kind="linear", words=words)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        require(x[2:], (self.streams, self.width), "hyper_connection")
        shares = (*x[:2], self.streams) if self.dynamic else (self.streams,)
        return ((*x[:2], self.width), x, shares)

    def parameters(self) -> tuple[Parameter, ...]:
        n = self.streams
        indicator = Initial(kind="indicator", scale=Const(self.first))
        fixed = (
            Parameter(name="read", shape=(n,), initial=indicator, decays=False),
            Parameter(
                name="mix", shape=(product(n, n),), initial=Initial(kind="identity"), decays=False
            ),
            Parameter(name="add", shape=(n,), initial=ONES, decays=False),
        )
        if not self.dynamic:
            return fixed
        hundredth = Initial(kind="constant", scale=Const(0.01))
        return (
            *fixed,
            Parameter(name="weight", shape=(total(n, Const(2)), self.width), initial=ZEROS),
            Parameter(name="scale", shape=(Const(2),), initial=hundredth, decays=False),
        )

    def module(self) -> Expression:
        if self.dynamic:
            return call("HyperConnection", self.width, self.streams, Const(self.first))
        return call("StaticHyperConnection", self.streams, Const(self.first))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count, n = elements(inputs[0], lengths), size(self.streams, {})
        weights = (n + 2) * self.dynamic
        # The sums over streams keep them, and their norm keeps its result.
        return Cost(
            flops=2 * count * (n + 1 + weights) + 8 * count * self.dynamic,
            saved_for_backward=count * (1 + self.dynamic),
        )

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddToStreams(Op):
    """streams [batch, position, streams, width], shares, y [batch, position, width] -> streams."""

    chosen_by: ClassVar[tuple[str, ...]] = ("residual", "layer_scale")

    @property
    def caption(self) -> Caption:
        return Caption(title="Add to streams", kind="sum")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, shares, y = inputs
        require(y, (*x[:2], x[3]), "add_to_streams")
        require(shares[-1:], x[2:3], "add_to_streams, shares")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count, kept = elements(inputs[0], lengths), elements(inputs[2], lengths)
        return Cost(flops=2 * count, saved_for_backward=kept)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("add_to_streams", *inputs)
