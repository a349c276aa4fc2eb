"""Scaled dot-product attention over heads (section 3.2.1)."""

from dataclasses import dataclass, replace

from compiler.ops.expression import Attribute, Call, Expression, Literal, Name, Number
from compiler.ops.mask import ALL, Mask
from compiler.ops.op import Continues, Cost, Interval, Op, Remembers, State
from compiler.ops.shape import Lengths, Shape, elements, require, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Op):
    """query [batch, heads, queries, d_k], key [batch, heads, keys, d_k], value [..., keys, d_v]

    -> [batch, heads, queries, d_v]. A fourth input is a mask, true where a key may be read:
    [batch, 1, 1 or queries, keys]. `mask` says what the op allows by itself.
    """

    heads: Number
    d_k: Number
    d_v: Number
    mask: Mask
    dropout: Number | None

    def helpers(self) -> tuple[str, ...]:
        return () if self.dropout is None else ("attention", "dropout")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, key, value, *_ = inputs
        require(query, (query[0], self.heads, query[2], self.d_k), "attention, query")
        require(key, (query[0], self.heads, key[2], self.d_k), "attention, key")
        require(value, (query[0], self.heads, key[2], self.d_v), "attention, value")
        return ((query[0], self.heads, query[2], self.d_v),)

    def reach(self, inputs: int) -> tuple[Interval, ...]:
        here = Interval(low=0, high=0)
        return (here, *(self.mask.reach for _ in range(inputs - 1)))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        query, key, value, *_ = inputs
        scores = elements((*query[:3], key[2]), lengths)
        flops = 2 * scores * (size(self.d_k, {}) + size(self.d_v, {}))
        return Cost(flops=flops, kept=sum(elements(each, lengths) for each in (query, key, value)))

    def state(self, decoded: tuple[bool, ...]) -> State:
        plain = replace(self, dropout=None)
        if decoded[1] or decoded[2]:
            return Remembers(kept=(1, 2), step=replace(plain, mask=ALL))
        return Continues(step=plain)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        causal = (("is_causal", Literal(True)),) if self.mask.causal else ()
        if self.dropout is None:
            return Call(Name("F.scaled_dot_product_attention"), inputs, causal)
        training = Attribute(this, "training")
        keywords = (("rate", self.dropout), ("training", training), *causal)
        return Call(Name("attention"), inputs, keywords)
