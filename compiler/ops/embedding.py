"""Tables of vectors: looking tokens up, and projecting back to tokens (section 3.4)."""

from dataclasses import dataclass

from compiler.ops.expression import Attribute, Call, Expression, Number, call
from compiler.ops.op import Cost, Initial, Op, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Op):
    """What both ops have: a weight [rows, d_model] whose padding row stays zero."""

    rows: Number
    d_model: Number
    initial: Initial

    def helpers(self) -> tuple[str, ...]:
        return ("embedding",)

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.rows, self.d_model)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    def module(self) -> Expression:
        return call("embedding", self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Table):
    """tokens [batch, position] -> [batch, position, d_model]."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (tokens,) = inputs
        return ((*tokens, self.d_model),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        (tokens,) = inputs
        return Cost(kept=elements(tokens, lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Table):
    """features [..., d_model] -> logits [..., rows]."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (features,) = inputs
        require(features[-1:], (self.d_model,), "project")
        return ((*features[:-1], self.rows),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        (features,) = inputs
        kept = elements(features, lengths)
        return Cost(flops=2 * kept * int(self.rows.value), kept=kept)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("F.linear", *inputs, Attribute(this, "weight"))
