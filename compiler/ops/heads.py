"""Splitting a width into heads and merging them again (Vaswani et al. 2017, section 3.2.2)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Const,
    Expression,
    Hyperparameter,
    List,
    Name,
    Tuple,
    call,
    product,
)
from compiler.ops.op import Op
from compiler.ops.shape import Shape, ShapeError, require, size


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHeads(Op):
    """x [batch, position, heads * sum(widths)] -> [batch, heads, position, width], for each."""

    chosen_by: ClassVar[tuple[str, ...]] = ("kv_heads",)
    returns_list: ClassVar[bool] = True

    heads: Expression
    widths: tuple[Expression, ...]

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position, width),) = inputs
        wanted = sum(size(self.heads, {}) * size(each, {}) for each in self.widths)
        if size(width, {}) != wanted:
            raise ShapeError(f"split_heads: expected width {wanted}, got {size(width, {})}")
        return tuple((batch, self.heads, position, each) for each in self.widths)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("split_heads", *inputs, self.heads, *self.widths)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitGroups(Op):
    """x [batch, position, sum(heads * width)] -> [batch, heads, position, width], for each.

    As `SplitHeads` where keys and values have fewer heads (Ainslie et al. 2023).
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("kv_heads",)
    returns_list: ClassVar[bool] = True

    parts: tuple[tuple[Hyperparameter, Expression], ...]

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position, width),) = inputs
        wanted = sum(size(product(*each), {}) for each in self.parts)
        if size(width, {}) != wanted:
            raise ShapeError(f"split_groups: expected width {wanted}, got {size(width, {})}")
        return tuple((batch, heads, position, each) for heads, each in self.parts)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("split_groups", *inputs, *(Tuple((heads, each)) for heads, each in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareHeads(Op):
    """x [batch, groups, position, width] -> [batch, heads, position, width]: each is read by the
    heads of its group, which stand side by side.
    """

    groups: Hyperparameter
    heads: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, groups, position, width),) = inputs
        require((groups,), (self.groups,), "share_heads")
        return ((batch, self.heads, position, width),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (x,) = inputs
        times = Binary(self.heads, "//", self.groups)
        return Call(Attribute(x, "repeat_interleave"), (times,), (("dim", Const(1)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class DivideHeads(Op):
    """x [batch, sum(heads), position, width] -> [batch, heads, position, width], for each."""

    chosen_by: ClassVar[tuple[str, ...]] = ("mask",)
    returns_list: ClassVar[bool] = True

    heads: tuple[Hyperparameter, ...]

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, heads, position, width),) = inputs
        if size(heads, {}) != sum(size(each, {}) for each in self.heads):
            raise ShapeError(f"divide_heads: {size(heads, {})} heads are not those of all groups")
        return tuple((batch, each, position, width) for each in self.heads)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("torch.split", *inputs, List(self.heads), dim=Const(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinHeads(Op):
    """Several [batch, some heads, position, width] -> [batch, heads, position, width]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("mask",)

    heads: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Concat of groups")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        batch, _, position, width = inputs[0]
        for each in inputs:
            require(each, (batch, each[1], position, width), "join_heads")
        if size(self.heads, {}) != sum(size(each[1], {}) for each in inputs):
            raise ShapeError(f"join_heads: expected {size(self.heads, {})} heads together")
        return ((batch, self.heads, position, width),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(Name("torch.cat"), (Tuple(inputs),), (("dim", Const(1)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinWidths(Op):
    """Several [batch, heads, position, part of width] -> [batch, heads, position, width]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("latent",)

    width: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Concat of parts")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        if size(self.width, {}) != sum(size(each[-1], {}) for each in inputs):
            raise ShapeError(f"join_widths: expected {size(self.width, {})} numbers together")
        return ((*inputs[0][:-1], self.width),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(Name("torch.cat"), (Tuple(inputs),), (("dim", Const(-1)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeHeads(Op):
    """x [batch, heads, position, width] -> [batch, position, heads * width]."""

    heads: Hyperparameter
    width: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Concat")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, heads, position, width),) = inputs
        require((heads, width), (self.heads, self.width), "merge_heads")
        return ((batch, position, product(self.heads, self.width)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("merge_heads", *inputs)
