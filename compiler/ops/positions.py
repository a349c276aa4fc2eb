"""Ops of position numbers: sinusoidal and learned positions (Vaswani et al. 2017, section 3.5)."""

from dataclasses import dataclass, replace
from typing import ClassVar

from compiler.ops.caption import Caption
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
from compiler.ops.op import NeedsPosition, Op, PackedForm, State, Unpackable
from compiler.ops.parameter import Initial, Parameter, by_width
from compiler.ops.shape import Shape

_HELPERS = {
    "interleaved": "sinusoidal_positions",
    "concatenated": "sinusoidal_halves",
    "tensor2tensor": "tensor2tensor_positions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPositions(Op):
    """The base of ops that compute something from position numbers, such as rotary angles.

    In the forward pass the positions are 0, 1, ... In a step (`counted`) there is one position, and
    a further input gives its number. Of packed sentences (`is_packed`), which are the one input,
    there are as many positions as the longest may have.
    """

    counted: bool = False
    is_packed: bool = False

    def state(self, decoded: tuple[bool, ...]) -> State:
        return NeedsPosition(step=replace(self, counted=True))

    def packed(self, inputs: int) -> PackedForm | Unpackable:
        at_places = AtPlaces(of=replace(self, is_packed=True))
        return PackedForm(op=at_places, inputs=(), streams=(0,))

    def span(self, inputs: tuple[Expression, ...]) -> tuple[Expression, Expression]:
        """Return the first position that is asked for, and how many are."""
        tokens, *first = inputs
        if self.counted:
            return first[-1], Const(1)
        if self.is_packed:
            return Const(0), Attribute(tokens, "longest")
        return Const(0), method(tokens, "size", Const(1))

    def device(self, inputs: tuple[Expression, ...]) -> Expression:
        """Return the device of the tokens."""
        tokens = Attribute(inputs[0], "tokens") if self.is_packed else inputs[0]
        return Attribute(tokens, "device")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtPlaces(Op):
    """packed sentences -> what `of` computes of positions, for the position of each place."""

    chosen_by: ClassVar[tuple[str, ...]] = ("position", "embedding.tied")

    of: OfPositions

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return self.of.shape(inputs)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("at_places", self.of.code(this, inputs), *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions(OfPositions):
    """tokens [batch, position] -> [position, d_model]; counted: tokens, first -> [1, d_model]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("position", "embedding.tied")

    d_model: Hyperparameter
    offset: Hyperparameter | None = None

    def span(self, inputs: tuple[Expression, ...]) -> tuple[Expression, Expression]:
        """Return the first position after the `offset` that is asked for, and how many are."""
        first, count = OfPositions.span(self, inputs)
        if self.offset is None:
            return first, count
        return self.offset if first == Const(0) else total(first, self.offset), count

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

    @property
    def caption(self) -> Caption:
        return Caption(
            title="Positional Encoding", kind="position", words="sinusoidal", inputs=False
        )

    @property
    def helper(self) -> str:
        """The name of the function for the layout, in which two stacks may differ."""
        return _HELPERS[self.layout]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        like = Attribute(Attribute(this, self.table), "weight")
        return call(self.helper, *self.span(inputs), self.d_model, like)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPositions(Positions):
    """A trained vector for each position below `max_length`, after `offset` rows of the table."""

    max_length: Hyperparameter
    initial: Initial

    @property
    def caption(self) -> Caption:
        return Caption(title="Positional Embedding", kind="position", words="learned", inputs=False)

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
        return call("learned_positions", this, *self.span(inputs))
