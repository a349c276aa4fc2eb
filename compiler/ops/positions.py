"""Sinusoidal and learned positions, added to embeddings (Vaswani et al. 2017, section 3.5)."""

from dataclasses import dataclass

from compiler.ops.expression import (
    Attribute,
    Call,
    Const,
    Expression,
    Hyperparameter,
    Name,
    call,
    method,
    total,
)
from compiler.ops.op import Initial, OfPositions, Parameter, by_width
from compiler.ops.shape import Shape

_HELPERS = {
    "interleaved": "sinusoidal_positions",
    "concatenated": "sinusoidal_halves",
    "tensor2tensor": "tensor2tensor_positions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions(OfPositions):
    """tokens [batch, position] -> [position, d_model]; counted: tokens, first -> [1, d_model]."""

    d_model: Hyperparameter

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        length = Const(1) if self.counted else inputs[0][1]
        return ((length, self.d_model),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinusoidalPositions(Positions):
    """Sines and cosines of geometrically growing wavelengths, from position `offset` on.

    They have the dtype and the device of the weights of `table`, an attribute of the model.
    """

    layout: str
    table: str
    offset: Hyperparameter | None = None

    @property
    def helper(self) -> str:
        """The name of the function for the layout, in which two stacks may differ."""
        return _HELPERS[self.layout]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        like = Attribute(Attribute(this, self.table), "weight")
        return call(self.helper, *_span(self, inputs), self.d_model, like)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPositions(Positions):
    """A trained vector for each position below `max_length`, after `offset` rows of the table."""

    max_length: Hyperparameter
    initial: Initial
    offset: Hyperparameter | None = None

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.rows, self.d_model)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    @property
    def rows(self) -> Expression:
        """The number of rows of the table."""
        return self.max_length if self.offset is None else total(self.max_length, self.offset)

    def module(self) -> Expression:
        keywords = () if self.initial == by_width(self.d_model) else self.initial.arguments()
        return Call(Name("position_embedding"), (self.rows, self.d_model), keywords)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("learned_positions", this, *_span(self, inputs))


def _span(
    op: SinusoidalPositions | LearnedPositions, inputs: tuple[Expression, ...]
) -> tuple[Expression, Expression]:
    """Return the first position that is asked for, and how many are."""
    tokens, *first = inputs
    if not op.counted:
        return op.offset or Const(0), method(tokens, "size", Const(1))
    return first[0] if op.offset is None else total(first[0], op.offset), Const(1)
