"""Where a token stands: sinusoidal or learned positions (section 3.5)."""

from dataclasses import dataclass, replace

from compiler.ops.expression import (
    Attribute,
    Expression,
    Literal,
    Number,
    call,
    method,
    total,
)
from compiler.ops.op import Counts, Initial, Op, Parameter, State
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions(Op):
    """tokens [batch, position] -> [position, d_model]; counted: tokens, first -> [1, d_model]."""

    d_model: Number
    counted: bool = False

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        length = Literal(1) if self.counted else inputs[0][1]
        return ((length, self.d_model),)

    def state(self, decoded: tuple[bool, ...]) -> State:  # noqa: ARG002
        return Counts(step=replace(self, counted=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class SinusoidalPositions(Positions):
    """Sines and cosines of geometrically growing wavelengths."""

    layout: str

    def helpers(self) -> tuple[str, ...]:
        return (self.helper,)

    @property
    def helper(self) -> str:
        """By the layout: two stacks may differ in it."""
        is_paper = self.layout == "interleaved"
        return "sinusoidal_positions" if is_paper else "sinusoidal_halves"

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        tokens, *first = inputs
        device = Attribute(tokens, "device")
        if self.counted:
            return call(self.helper, first[0], Literal(1), device)
        length = method(tokens, "size", Literal(1))
        return call(self.helper, Literal(0), length, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPositions(Positions):
    """A trained vector for each position below `max_length`, after `offset` rows of the table."""

    max_length: Number
    initial: Initial
    offset: Number | None = None

    def helpers(self) -> tuple[str, ...]:
        return ("position_embedding", "learned_positions")

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.rows, self.d_model)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    @property
    def rows(self) -> Expression:
        """Rows of the table."""
        return self.max_length if self.offset is None else total(self.max_length, self.offset)

    def module(self) -> Expression:
        return call("position_embedding", self.rows)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        tokens, *first = inputs
        if self.counted:
            beginning = first[0] if self.offset is None else total(first[0], self.offset)
            return call("learned_positions", this, beginning, Literal(1))
        beginning = self.offset or Literal(0)
        return call("learned_positions", this, beginning, method(tokens, "size", Literal(1)))
