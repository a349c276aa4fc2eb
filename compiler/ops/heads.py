"""Splitting a width into heads and merging them again (section 3.2.2)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.expression import Expression, Number, Tuple, call, product
from compiler.ops.op import Op
from compiler.ops.shape import Shape, ShapeError, require, size


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHeads(Op):
    """x [batch, position, heads * sum(widths)] -> [batch, heads, position, width], for each."""

    unpacks: ClassVar[bool] = True

    heads: Number
    widths: tuple[Number, ...]

    def helpers(self) -> tuple[str, ...]:
        return ("split_heads",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position, width),) = inputs
        wanted = sum(size(self.heads, {}) * size(each, {}) for each in self.widths)
        if size(width, {}) != wanted:
            raise ShapeError(f"split_heads: expected width {wanted}, got {size(width, {})}")
        return tuple((batch, self.heads, position, each) for each in self.widths)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call("split_heads", *inputs, self.heads, *self.widths)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitGroups(Op):
    """x [batch, position, sum(heads * width)] -> [batch, heads, position, width], for each.

    As `SplitHeads` where keys and values have fewer heads (Ainslie et al. 2023).
    """

    unpacks: ClassVar[bool] = True

    parts: tuple[tuple[Number, Number], ...]

    def helpers(self) -> tuple[str, ...]:
        return ("split_groups",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position, width),) = inputs
        wanted = sum(size(product(*each), {}) for each in self.parts)
        if size(width, {}) != wanted:
            raise ShapeError(f"split_groups: expected width {wanted}, got {size(width, {})}")
        return tuple((batch, heads, position, each) for heads, each in self.parts)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call("split_groups", *inputs, *(Tuple((heads, each)) for heads, each in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeHeads(Op):
    """x [batch, heads, position, width] -> [batch, position, heads * width]."""

    heads: Number
    width: Number

    def helpers(self) -> tuple[str, ...]:
        return ("merge_heads",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, heads, position, width),) = inputs
        require((heads, width), (self.heads, self.width), "merge_heads")
        return ((batch, position, product(self.heads, self.width)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call("merge_heads", *inputs)
