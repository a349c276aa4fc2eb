"""Masks as tensors: which tokens are real, and which positions may be read."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, Mask
from compiler.ops.caption import Caption
from compiler.ops.expression import Binary, Const, Expression, Name, call
from compiler.ops.op import Op, PackedForm, Predicate
from compiler.ops.positions import OfPositions
from compiler.ops.shape import BATCH, Free, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens(Op):
    """The tokens [batch, position] that the model is given for a stream, wherever they are named.

    The pass `hoist` moves all that is made of them alone to the model, which has them as an input.
    """

    stream: Free

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((BATCH, self.stream),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        raise NotImplementedError("tokens are an input of the model")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingMask(Op):
    """tokens [batch, position] -> mask [batch, 1, 1, position], false at padding."""

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "kernel")

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position),) = inputs
        return ((batch, Const(1), Const(1), position),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("real_tokens", *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMask(OfPositions):
    """tokens of the queries' and of the keys' stream -> mask [query, key], true where one is read.

    [batch, 1, query, key] for a mask that depends on the end of the keys. `counted`, it has one
    query: a third input says at which position.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    reads: Predicate

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def predicates(self) -> tuple[Predicate, ...]:
        return (self.reads,)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (batch, query), (_, key), *_ = inputs
        both: Shape = (Const(1) if self.counted else query, key)
        return ((batch, Const(1), *both) if self.reads.mask.needs_length else both,)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        """It asks for positions alone, except where a stream ends."""
        keys = ALL if self.reads.mask.needs_length else None
        return (None, keys, *(None for _ in range(inputs - 2)))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        helper = "end_mask" if self.reads.mask.needs_length else "position_mask"
        return call(helper, Name(self.reads.name), *self.span(inputs), inputs[1])

    def packed(self, inputs: int) -> PackedForm:
        """Stay as it is: what would read it reads packed sentences without it, or refuses them."""
        return PackedForm(op=self, inputs=tuple(range(inputs)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskAnd(Op):
    """mask & mask, of shapes that agree where neither is 1."""

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        one, other = sorted(inputs, key=len, reverse=True)
        padded = (*(Const(1) for _ in range(len(one) - len(other))), *other)
        return (tuple(b if a == Const(1) else a for a, b in zip(one, padded, strict=True)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        one, other = inputs
        return Binary(one, "&", other)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexMask(Op):
    """tokens [batch, position] -> the blocks of pairs that are read.

    They leave out padding if `reads_ahead`; where no position reads a later one, padding, which
    comes last, is read by padding alone, and texts of a length share their blocks.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "kernel")
    annotation: ClassVar[str] = "BlockMask | Tensor"

    reads: Predicate
    reads_ahead: bool

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def predicates(self) -> tuple[Predicate, ...]:
        return (self.reads,)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        helper = "block_mask" if self.reads_ahead else "block_mask_of_positions"
        return call(helper, Name(self.reads.name), *inputs)
