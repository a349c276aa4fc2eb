"""The weights of attention, for pictures and for tests."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.expression import Call, Const, Expression, Hyperparameter, Name, call
from compiler.ops.op import Op, Predicate
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionWeights(Op):
    """The share of its attention that a query gives to each key: for pictures and for tests.

    query [batch, heads, queries, d_k], key [batch, heads, keys, d_k], and a mask if there is one
    -> [batch, heads, queries, keys]. `reads` is called where no mask from outside says it all.
    Scores are scaled and capped as in the attention; with `sinks` some share goes to no key.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    reads: Predicate | None
    scale: Hyperparameter | None
    soft_cap: Hyperparameter | None
    is_grouped: bool
    biased: bool
    sinks: bool = False
    has_blocks: bool = False

    def predicates(self) -> tuple[Predicate, ...]:
        return () if self.reads is None else (self.reads,)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, key, *_ = inputs
        return ((*query[:3], key[2]),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        query, key, *masks = inputs
        if self.has_blocks:
            masks = [call("as_tensor", *masks, query)]
        if self.reads is not None:
            masks.insert(0, call("pairs", Name(self.reads.name), query))
        settings: dict[str, Expression | None] = {"scale": self.scale, "soft_cap": self.soft_cap}
        if self.is_grouped:
            settings["enable_gqa"] = Const(True)
        if self.biased:
            settings["bias"] = masks.pop()
        settings["sinks"] = this if self.sinks else None
        keywords = tuple((name, each) for name, each in settings.items() if each is not None)
        return Call(Name("weights"), (query, key, *masks), keywords)
