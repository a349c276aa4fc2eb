"""Embeddings, and projections back to tokens (Vaswani et al. 2017, section 3.4)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.expression import Attribute, Call, Const, Expression, Hyperparameter, Name, call
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import ZEROS, Initial, Parameter, by_width
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Op):
    """A weight [rows, width]; its padding row starts at zero."""

    chosen_by: ClassVar[tuple[str, ...]] = ("embedding.tied",)
    made_by: ClassVar[tuple[str, ...]] = ("initialization",)

    rows: Hyperparameter
    width: Expression
    initial: Initial

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.rows, self.width)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    def module(self) -> Expression:
        return self._made_by("embedding")

    def _made_by(self, maker: str) -> Expression:
        """The call of a helper, which knows the paper's distribution."""
        keywords = () if self.initial == by_width(self.width) else self.initial.arguments()
        return Call(Name(maker), (self.rows, self.width), keywords)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed(Table):
    """tokens [batch, position] -> [batch, position, width]."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Embedding", kind="embedding")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (tokens,) = inputs
        return ((*tokens, self.width),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        (tokens,) = inputs
        return Cost(saved_for_backward=elements(tokens, lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEmbed(Embed):
    """segments [batch, position] -> [batch, position, width]: the first kind is a kind, too."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Segment Embedding", kind="embedding")

    def module(self) -> Expression:
        return self._made_by("segment_embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unembed(Table):
    """features [..., width], perhaps a bias [rows] -> logits [..., rows]."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Linear", kind="linear")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        features, *bias = inputs
        require(features[-1:], (self.width,), "project")
        for each in bias:
            require(each, (self.rows,), "project")
        return ((*features[:-1], self.rows),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        kept = elements(inputs[0], lengths)
        return Cost(flops=2 * kept * int(self.rows.value), saved_for_backward=kept)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        features, *bias = inputs
        return call("F.linear", features, Attribute(this, "weight"), *bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputProjection(Unembed):
    """features [..., width], perhaps a bias [rows] -> logits [..., rows], by a matrix of its own.

    It starts as an embedding does, but for the row of padding, which is like any other: padding is
    never a label, and decoding never chooses it.
    """

    def module(self) -> Expression:
        sizes = (self.width, self.rows)
        if self.initial == by_width(self.width):
            return call("output_projection", *sizes)
        std = self.initial.arguments()
        if isinstance(self.initial.scale, Hyperparameter):  # which all matrices have
            return Call(Name("linear"), sizes, (("bias", Const(False)), *std))
        return Call(Name("output_projection"), sizes, std)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        features, *bias = inputs
        return Unembed.code(self, this, inputs) if bias else Call(this, (features,))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBias(Op):
    """-> [rows]: a number for each token, a parameter of the model itself."""

    chosen_by: ClassVar[tuple[str, ...]] = ("bias",)

    rows: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Output Bias", kind="bias")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((self.rows,),)

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter(name="", shape=(self.rows,), initial=ZEROS, decays=False),)

    def module(self) -> Expression:
        return call("nn.Parameter", call("torch.zeros", self.rows))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return this
