"""Rotary positions: queries and keys rotated by angles that grow with it (Su et al. 2021)."""

from dataclasses import dataclass, replace

from compiler.ops.expression import (
    Attribute,
    Binary,
    Const,
    Expression,
    Hyperparameter,
    call,
    method,
)
from compiler.ops.op import Cost, NeedsPosition, Op, State
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaryAngles(Op):
    """tokens [batch, position] -> [position, width / 2]; counted: tokens, first -> [1, width / 2].

    Pair k of a head turns by `base` ** (-2 k / width) a position.
    """

    width: Hyperparameter
    base: Hyperparameter
    counted: bool = False

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        length = Const(1) if self.counted else inputs[0][1]
        return ((length, pairs(self.width)),)

    def state(self, decoded: tuple[bool, ...]) -> State:
        return NeedsPosition(step=replace(self, counted=True))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        tokens, *first = inputs
        whole = (Const(0), method(tokens, "size", Const(1)))
        span = (*first, Const(1)) if self.counted else whole
        device = Attribute(tokens, "device")
        return call("rotary_angles", *span, self.width, self.base, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeLinearScaling(Op):
    """angles [position, width / 2] -> divided by the factor (Chen et al. 2023)."""

    factor: Hyperparameter

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (angle,) = inputs
        return Binary(angle, "/", self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeLlama3Scaling(RopeLinearScaling):
    """Angles are divided if they are slow in texts of `original_length` (Llama 3.1)."""

    width: Hyperparameter
    base: Hyperparameter
    original_length: Hyperparameter

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        settings = (self.width, self.base, self.factor, self.original_length)
        return call("scaled_angles", *inputs, *settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(Op):
    """x [batch, heads, position, d_k], angle [position, width / 2] -> x with pairs turned.

    Pairs are numbers half a width apart, or `interleaved` neighbours; numbers beyond `width` stay.
    """

    width: Hyperparameter
    layout: str
    is_partial: bool

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, angle = inputs
        require(angle[1:], (pairs(self.width),), "rotate")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        helper = "rotate_pairs" if self.layout == "interleaved" else "rotate_halves"
        return call(helper, *inputs, **({"width": self.width} if self.is_partial else {}))


def pairs(width: Hyperparameter) -> Expression:
    """Return how many angles rotate `width` numbers."""
    return Binary(width, "//", Const(2))
