"""One vector for a whole text."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, Mask
from compiler.ops.caption import Caption
from compiler.ops.expression import Attribute, Const, Expression, Slice, Subscript, call
from compiler.ops.op import Op, PackedForm
from compiler.ops.shape import Free, Shape

SENTENCE = Free("sentence")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectFirst(Op):
    """x [batch, position, width] -> [batch, width], that of the first position."""

    chosen_by: ClassVar[tuple[str, ...]] = ("classifier.pooling",)

    @property
    def caption(self) -> Caption:
        return Caption(title="First Position")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, _, width),) = inputs
        return ((batch, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Subscript(x, (Slice(), Const(0)))

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedFirst(), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFirst(Op):
    """x [1, place, width], packed sentences -> [1, sentence, width], that of the first place."""

    chosen_by: ClassVar[tuple[str, ...]] = ("classifier.pooling",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((one, _, width), _) = inputs
        return ((one, SENTENCE, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, sentences = inputs
        beginnings = Subscript(Attribute(sentences, "offsets"), (Slice(None, Const(-1)),))
        return Subscript(x, (Slice(), beginnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedMean(Op):
    """x [batch, position, width], mask [batch, 1, 1, position] -> [batch, width]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("classifier.pooling",)

    @property
    def caption(self) -> Caption:
        return Caption(title="Mean of Positions")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (batch, _, width), _ = inputs
        return ((batch, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("masked_mean", *inputs)

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedMean(), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedMean(PackedFirst):
    """x [1, place, width], packed sentences -> [1, sentence, width], the mean of its places."""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("packed_mean", *inputs)
