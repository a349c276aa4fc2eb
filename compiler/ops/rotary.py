"""Rotary positions: queries and keys turned by angles that grow with it (Su et al. 2021)."""

from dataclasses import dataclass, replace

from compiler.ops.expression import Attribute, Binary, Expression, Literal, Number, call, method
from compiler.ops.op import Cost, Counts, Op, State
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaryAngles(Op):
    """tokens [batch, position] -> [position, width / 2]; counted: tokens, first -> [1, width / 2].

    Pair k of a head turns by `base` ** (-2 k / width) a position.
    """

    width: Number
    base: Number
    counted: bool = False

    def helpers(self) -> tuple[str, ...]:
        return ("rotary_angles",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        length = Literal(1) if self.counted else inputs[0][1]
        return ((length, pairs(self.width)),)

    def state(self, decoded: tuple[bool, ...]) -> State:  # noqa: ARG002
        return Counts(step=replace(self, counted=True))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        tokens, *first = inputs
        whole = (Literal(0), method(tokens, "size", Literal(1)))
        span = (*first, Literal(1)) if self.counted else whole
        device = Attribute(tokens, "device")
        return call("rotary_angles", *span, self.width, self.base, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchAngles(Op):
    """angles [position, width / 2] -> divided by the factor (Chen et al. 2023)."""

    factor: Number

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        (angle,) = inputs
        return Binary(angle, "/", self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchSlowAngles(StretchAngles):
    """Only those are divided that are slow in texts of `original_length` (Llama 3.1)."""

    width: Number
    base: Number
    original_length: Number

    def helpers(self) -> tuple[str, ...]:
        return ("stretched_angles",)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        settings = (self.width, self.base, self.factor, self.original_length)
        return call("stretched_angles", *inputs, *settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(Op):
    """x [batch, heads, position, d_k], angle [position, width / 2] -> x with pairs turned.

    Pairs are numbers half a width apart, or `interleaved` neighbours; numbers beyond `width` stay.
    """

    width: int
    layout: str
    is_partial: bool

    def helpers(self) -> tuple[str, ...]:
        return (self.helper,)

    @property
    def helper(self) -> str:
        """By what is turned together."""
        return "rotate_pairs" if self.layout == "interleaved" else "rotate_halves"

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, angle = inputs
        require(angle[1:], (Literal(self.width // 2),), "rotate")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, kept=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call(self.helper, *inputs)


def pairs(width: Number) -> Expression:
    """How many angles turn so many numbers."""
    return Binary(width, "//", Literal(2))
