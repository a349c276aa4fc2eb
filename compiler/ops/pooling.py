"""One vector for a whole text."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, Mask
from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Const,
    Expression,
    Name,
    Slice,
    Subscript,
    call,
)
from compiler.ops.op import Cost, Op, PackedForm
from compiler.ops.shape import Free, Lengths, Shape, elements

SENTENCE = Free("sentence")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pooling(Op):
    """x [batch, position, width], perhaps a mask -> [batch, width], which may read all of x."""

    chosen_by: ClassVar[tuple[str, ...]] = ("classifier.pooling", "pooling.kind")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        batch, _, width = inputs[0]
        return ((batch, width),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class _PackedPooling(_Pooling):
    """x [1, place, width], packed sentences -> [1, sentence, width]."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        one, _, width = inputs[0]
        return ((one, SENTENCE, width),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectFirst(_Pooling):
    """x [batch, position, width] -> [batch, width], that of the first position."""

    @property
    def caption(self) -> Caption:
        return Caption(title="First Position")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Subscript(x, (Slice(), Const(0)))

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedFirst(), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFirst(_PackedPooling):
    """x [1, place, width], packed sentences -> [1, sentence, width], that of the first place."""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, sentences = inputs
        beginnings = Subscript(Attribute(sentences, "offsets"), (Slice(None, Const(-1)),))
        return Subscript(x, (Slice(), beginnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectLast(_Pooling):
    """x [batch, position, width], mask [batch, 1, 1, position] -> [batch, width], the last one."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Last Position")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("last_position", *inputs)

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedLast(), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLast(_PackedPooling):
    """x [1, place, width], packed sentences -> [1, sentence, width], that of the last place."""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, sentences = inputs
        ends = Subscript(Attribute(sentences, "offsets"), (Slice(Const(1), None),))
        return Subscript(x, (Slice(), Binary(ends, "-", Const(1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedMean(_Pooling):
    """x [batch, position, width], mask [batch, 1, 1, position] -> [batch, width]."""

    @property
    def caption(self) -> Caption:
        return Caption(title="Mean of Positions")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("masked_mean", *inputs)

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedMean(), inputs=(0,), streams=(0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedMean(_PackedPooling):
    """x [1, place, width], packed sentences -> [1, sentence, width], the mean of its places."""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("packed_mean", *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalize(Op):
    """x [..., width] -> x / |x|, of length 1."""

    chosen_by: ClassVar[tuple[str, ...]] = ("pooling.normalize",)

    @property
    def caption(self) -> Caption:
        return Caption(title="Normalize")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        return Call(Name("F.normalize"), (x,), (("dim", Const(-1)),))
