"""Values of attention beside a table of embeddings (modded-nanogpt, Jordan et al. 2024)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.elementwise import Elementwise
from compiler.ops.expression import (
    Call,
    Const,
    Expression,
    Hyperparameter,
    List,
    Name,
    call,
    product,
)
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import Initial, Parameter, by_width
from compiler.ops.shape import Lengths, Shape, elements, require

HALF = Const(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueEmbed(Op):
    """tokens [batch, position] -> [batch, position, heads * width], the value of a token itself."""

    chosen_by: ClassVar[tuple[str, ...]] = ("value_embedding",)
    made_by: ClassVar[tuple[str, ...]] = ("initialization",)

    rows: Hyperparameter
    heads: Hyperparameter
    width: Hyperparameter
    initial: Initial

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")  # like masks, it goes to all layers, and has no arrows

    @property
    def row(self) -> Expression:
        """The numbers of a token."""
        return product(self.heads, self.width)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (tokens,) = inputs
        return ((*tokens, self.row),)

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter(name="weight", shape=(self.rows, self.row), initial=self.initial),)

    def module(self) -> Expression:
        keywords = () if self.initial == by_width(self.row) else self.initial.arguments()
        return Call(Name("embedding"), (self.rows, self.row), keywords)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(saved_for_backward=elements(inputs[0], lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEmbeddedValue(Elementwise):
    """value and embedded [batch, heads, position, d_v] -> their sum by two learned factors.

    Both are 0.5 at first.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("value_embedding",)
    made_by: ClassVar[tuple[str, ...]] = ("value_embedding",)

    @property
    def caption(self) -> Caption:
        return Caption(note="+ value embedding", words="+ value embedding")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        value, embedded = inputs
        require(value, embedded, "add_embedded_value")
        return (value,)

    def parameters(self) -> tuple[Parameter, ...]:
        initial = Initial(kind="constant", scale=HALF)
        return (Parameter(name="", shape=(Const(2),), initial=initial, decays=False),)

    def module(self) -> Expression:
        return call("nn.Parameter", call("torch.full", List((Const(2),)), HALF))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=2 * count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("add_embedded_value", *inputs, this)
