"""Ops of packed sentences: with which a model begins and ends, and attention within each."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from compiler.mask.mask import ALL, DIAGONAL, Mask
from compiler.mask.term import Term
from compiler.ops.expression import (
    Attribute,
    Const,
    Expression,
    Hyperparameter,
    Name,
    Subscript,
    Tuple,
    call,
)
from compiler.ops.op import Op
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTokens(Op):
    """packed sentences -> their tokens [1, place], as if they were one sentence."""

    is_inline: ClassVar[bool] = True

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Subscript(Attribute(inputs[0], "tokens"), (Name("None"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlyRow(Op):
    """x [1, ...] -> [...]"""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (x,) = inputs
        return (x[1:],)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Subscript(inputs[0], (Const(0),))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedAttention(Op):
    """Attention within each sentence, by torch's kernel for packed sentences on a GPU.

    query [1, heads, place, width], key and value [1, kv_heads, place, width], the sentences of the
    queries and those of the keys -> [1, heads, place, d_v]. A query reads `window[0]` positions
    before it and `window[1]` after it, -1 of them without a bound.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask",)

    window: tuple[int, int]
    scale: Hyperparameter | None
    is_grouped: bool
    d_v: Hyperparameter

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, *_ = inputs
        return ((*query[:3], self.d_v),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (DIAGONAL, *(ALL for _ in range(inputs - 1)))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        settings: dict[str, Expression] = {}
        if self.window != (-1, -1):
            settings["window"] = Tuple(tuple(map(Const, self.window)))
        if self.scale is not None:
            settings["scale"] = self.scale
        if self.is_grouped:
            settings["enable_gqa"] = Const(True)
        return call("packed_attention", *inputs, **settings)


def packed_window(mask: Mask) -> tuple[int, int] | None:
    """Return how far a mask reads before and after a query, -1 without a bound.

    None if it leaves out some of that, the query's own position included.
    """
    if len(mask.terms) != 1:
        return None
    (term,) = mask.terms
    if not term.low <= 0 <= term.high or term != Term(low=term.low, high=term.high):
        return None
    left, right = (-1 if each == inf else int(each) for each in (-term.low, term.high))
    return left, right
