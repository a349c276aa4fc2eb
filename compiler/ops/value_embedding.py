"""Values of attention beside a table of embeddings (modded-nanogpt, Jordan et al. 2024)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.elementwise import Elementwise
from compiler.ops.embedding import Embed
from compiler.ops.expression import Const, Expression, List, call
from compiler.ops.op import Cost
from compiler.ops.parameter import Initial, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require

HALF = Const(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueEmbed(Embed):
    """tokens [batch, position] -> [batch, position, width], the values of a token in all heads."""

    chosen_by: ClassVar[tuple[str, ...]] = ("value_embedding",)

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")  # like masks, it goes to all layers, and has no arrows


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
