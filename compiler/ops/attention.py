"""Scaled dot-product attention over heads (Vaswani et al. 2017, section 3.2.1), by kernel."""

from dataclasses import dataclass, field, fields, replace
from math import inf
from typing import Any, ClassVar

from compiler.mask.mask import ALL, CAUSAL, DIAGONAL, Mask
from compiler.ops.attention_weights import AttentionWeights
from compiler.ops.caption import Caption, Step, attention_steps, numeral
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Const,
    Expression,
    Hyperparameter,
    Name,
    call,
    method,
)
from compiler.ops.op import (
    Cache,
    CachesKeyValue,
    Complexity,
    Cost,
    Op,
    PackedForm,
    Pointwise,
    Predicate,
    State,
    Unpackable,
)
from compiler.ops.packing import PackedAttention, packed_window
from compiler.ops.parameter import ZEROS, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require, size

CHUNK = 32
"""Fewest positions in a chunk of local attention."""
LONGEST_TEXT = 2**20
"""More positions than the bounds of any local attention."""
WIDEST = 256
"""The most numbers of a head that torch's kernel for packed sentences takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Op):
    """The dense kernel computes all scores at once and is right for every mask.

    query [batch, heads, queries, d_k], key [batch, kv_heads, keys, d_k], value [..., keys, d_v]
    -> [batch, heads, queries, d_v]. A fourth input is a mask, true where a key may be read:
    [batch, 1, 1 or queries, keys]; or, if `biased`, what is added to the scores. `mask` is all that
    the attention allows, padding apart. Scores are multiplied by `scale`, by default d_k^-0.5, and
    kept within `soft_cap` by a tanh. A `label` tells apart the groups of heads of one layer.
    `prefers_flex` asks the pass `select_kernel` for FlexAttention, where it can be used. With
    `apart` the fourth input also keeps documents of one text apart. With `sinks` the op holds a
    learned score of each head for reading nothing, which takes a share of the weights (OpenAI
    2025). Where values have `value_heads`, each is read by two maps (Ye et al. 2024).
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "kernel", "position", "sinks")

    heads: Hyperparameter
    kv_heads: Hyperparameter
    d_k: Hyperparameter
    d_v: Hyperparameter
    reads: Predicate
    dropout: Hyperparameter | None
    scale: Hyperparameter | None = None
    soft_cap: Hyperparameter | None = None
    biased: bool = False
    prefers_flex: bool = False
    apart: bool = False
    sinks: bool = False
    value_heads: Hyperparameter | None = None
    label: str = field(default="", compare=False)

    @property
    def caption(self) -> Caption:
        maps = 1 if self.value_heads is None else 2
        heads, shared = int(self.heads.value) // maps, int(self.kv_heads.value) // maps
        words = f"{heads} head{'s' * (heads > 1)} of {self.d_k.value}"
        if self.is_grouped:
            words += f", {shared} of keys and values"
        if self.apart:
            words += ", within a document"
        if self.sinks:
            words += ", with sinks"
        name = "Multi-Head" if heads > 1 else "Single-Head"
        if self.is_grouped:
            name = "Multi-Query" if shared == 1 else "Grouped-Query"
        return Caption(
            title="Scaled Dot-Product Attention",
            kind="attention",
            words=words,
            block=f"{'' if self.mask == ALL else 'Masked '}{name} Attention",
            times=heads,
        )

    @property
    def mask(self) -> Mask:
        """Return what a query may read."""
        return self.reads.mask

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, key, value, *_ = inputs
        require(query, (query[0], self.heads, query[2], self.d_k), "attention, query")
        require(key, (query[0], self.kv_heads, key[2], self.d_k), "attention, key")
        value_heads = self.value_heads or self.kv_heads
        require(value, (query[0], value_heads, key[2], self.d_v), "attention, value")
        return ((query[0], self.heads, query[2], self.d_v),)

    def parameters(self) -> tuple[Parameter, ...]:
        sinks = Parameter(name="", shape=(self.heads,), initial=ZEROS, decays=False)
        return (sinks,) if self.sinks else ()

    def module(self) -> Expression:
        return call("nn.Parameter", call("torch.zeros", self.heads))

    def steps(self) -> tuple[Step, ...]:
        return attention_steps(
            scale=f"× {numeral(self.scale)}" if self.scale else f"÷ √{self.d_k.value}",
            soft_cap=numeral(self.soft_cap) if self.soft_cap else None,
            is_biased=self.biased,
            is_masked=self.mask != ALL,
            has_sinks=self.sinks,
            dropout=numeral(self.dropout) if self.dropout else None,
        )

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        if self.apart:  # the fourth input tells of the query's document, too
            return (DIAGONAL, self.mask, self.mask, self.mask | DIAGONAL)
        return (DIAGONAL, *(self.mask for _ in range(inputs - 1)))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        query, key, value, *_ = inputs
        keys = self.keys_read(elements(key[2:3], lengths))
        scores = elements(query[:3], lengths) * keys
        flops = 2 * scores * (size(self.d_k, {}) + size(self.d_v, {}))
        kept = sum(elements(each, lengths) for each in (query, key, value))
        # Written out, the weights are kept, and what becomes of them or of the scores before.
        return Cost(flops=flops, saved_for_backward=kept + 2 * scores if self.is_explicit else kept)

    def keys_read(self, keys: int) -> int:
        """Return of how many of `keys` the score is computed for one query."""
        return keys

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer="n^2 d" if is_self else "n m d")

    def reference(self, inputs: tuple[str, ...]) -> tuple["Attention", tuple[str, ...]]:
        """Return the dense kernel. Its mask is a field of the op, unless it comes as a bias."""
        scale = self.scale or Hyperparameter("attention_scale", self.d_k.value**-0.5)
        dense = Attention(**self.shared() | {"scale": scale})
        return dense, inputs if self.biased else inputs[:3]

    def weights(self) -> AttentionWeights:
        """Return the op that gives the weights of the attention."""
        return AttentionWeights(
            reads=None,
            scale=self.scale,
            soft_cap=self.soft_cap,
            is_grouped=self.is_grouped,
            biased=self.biased,
            sinks=self.sinks,
        )

    def in_evaluation(self) -> "Attention":
        return replace(self, dropout=None)

    def state(self, decoded: tuple[bool, ...]) -> State:
        step = Attention(**self.shared() | {"reads": EVERYTHING, "dropout": None, "label": ""})
        if decoded[1] or decoded[2]:
            is_given = self.biased or self.apart
            cache = Cache(reads=EVERYTHING if is_given else self.reads, label=self.label)
            return CachesKeyValue(cached=(1, 2), step=step, cache=cache, has_mask=is_given)
        return Pointwise(step=step)

    def packed(self, inputs: int) -> PackedForm | Unpackable:
        reason, window = self._unpackable(), packed_window(self.mask)
        if reason or window is None:
            return Unpackable(reason=reason or f"no window says what mask `{self.mask.text}` reads")
        op = PackedAttention(
            window=window, scale=self.scale, is_grouped=self.is_grouped, d_v=self.d_v
        )
        return PackedForm(op=op, inputs=(0, 1, 2), streams=(0, 1))

    def _unpackable(self) -> str:
        """Return what torch's kernel for packed sentences lacks, if this attention needs it."""
        if self.dropout is not None:
            return "the kernel for packed sentences drops no attention weights (`dropout`)"
        if self.soft_cap is not None:
            return "the kernel for packed sentences has no cap on scores (`soft_cap`)"
        if self.value_heads is not None:
            return "the kernel for packed sentences has one map for each head (`differential`)"
        if self.sinks:
            return "the kernel for packed sentences has no score for reading nothing (`sinks`)"
        if self.apart:
            return "packed sentences are not divided into documents (`documents`)"
        if self.biased:
            return "the kernel for packed sentences adds no bias to scores (`position`)"
        if self.d_k.value != self.d_v.value:
            return "the kernel for packed sentences takes queries as wide as values (`d_k`, `d_v`)"
        if self.d_k.value > WIDEST:
            return f"the kernel for packed sentences has heads of at most {WIDEST} numbers (`d_k`)"
        if self.reads.place == "cross" and self.mask != ALL:
            return "a window between two streams has no meaning for packed sentences (`mask`)"
        return ""

    @property
    def is_explicit(self) -> bool:
        """Return whether the steps are written out, as torch's function lacks one."""
        return self.dropout is not None or self.soft_cap is not None or self.sinks

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        keywords, inputs = self.settings(this), self.streams(inputs)
        if not self.is_explicit:
            return Call(Name("F.scaled_dot_product_attention"), inputs, keywords)
        bias = tuple(("bias", each) for each in inputs[3:] if self.biased)
        return Call(Name("attention"), inputs[:3] if bias else inputs, (*bias, *keywords))

    def streams(self, inputs: tuple[Expression, ...]) -> tuple[Expression, ...]:
        """Return the inputs, values once for each of the maps that read them."""
        query, key, value, *others = inputs
        if self.value_heads is not None:
            value = method(value, "repeat", *map(Const, (1, 2, 1, 1)))
        return (query, key, value, *others)

    def settings(self, this: Expression) -> tuple[tuple[str, Expression], ...]:
        """Return the keywords of the call."""
        found: list[tuple[str, Expression]] = []
        if self.dropout is not None:
            own = this.base if self.sinks and isinstance(this, Attribute) else this
            found += [("rate", self.dropout), ("training", Attribute(own, "training"))]
        if self.scale is not None:
            found.append(("scale", self.scale))
        if self.soft_cap is not None:
            found.append(("soft_cap", self.soft_cap))
        if self.sinks:
            found.append(("sinks", this))
        if self.is_grouped:
            found.append(("enable_gqa", Const(True)))
        return tuple(found)

    @property
    def is_grouped(self) -> bool:
        """Return whether several queries share a head of keys and values."""
        return self.kv_heads.value != self.heads.value

    def shared(self) -> dict[str, Any]:
        """Return the fields that all kernels have."""
        return {each.name: getattr(self, each.name) for each in fields(Attention)}


EVERYTHING = Predicate(place="decoder", mask=ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalAttention(Attention):
    """The causal kernel, which torch knows: half of the scores are never computed."""

    def weights(self) -> AttentionWeights:
        return replace(Attention.weights(self), reads=self.reads)

    def settings(self, this: Expression) -> tuple[tuple[str, Expression], ...]:
        assert self.mask == CAUSAL
        return (*Attention.settings(self, this), ("is_causal", Const(True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexAttention(Attention):
    """FlexAttention, block by block on a GPU.

    The fourth input says which blocks are read, and what of each.
    """

    def weights(self) -> AttentionWeights:
        return replace(Attention.weights(self), has_blocks=True)

    def _unpackable(self) -> str:
        return "`kernel: flex` asks for another kernel than that for packed sentences"

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(Name("flexible_attention"), inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAttention(Attention):
    """The local kernel: chunk by chunk, within `bounds`, linear in the length.

    A fourth input says which positions are real: [batch, 1, 1, position].
    """

    bounds: "LocalBounds"

    def predicates(self) -> tuple[Predicate, ...]:
        return (self.reads,)

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer=f"{self.keys_read(LONGEST_TEXT)} n d")

    def weights(self) -> AttentionWeights:
        reads = None if self.mask == ALL else self.reads
        return replace(Attention.weights(self), reads=reads)

    def boundaries(self) -> tuple[int, ...]:
        return (self.bounds.chunk, self.bounds.chunk + self.bounds.first)

    def keys_read(self, keys: int) -> int:
        own = self.bounds
        return min(keys, own.chunk + own.left + own.right + own.first)

    def traceable(self) -> Op:
        return MaskedAttention(**self.shared())

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        query, key, value, *real = self.streams(inputs)
        arguments = (query, key, value, Name(self.reads.name), *real)
        return Call(Name("local_attention"), arguments, self.settings(this))

    def settings(self, this: Expression) -> tuple[tuple[str, Expression], ...]:
        """Return the bounds, and the keywords of all kernels."""
        own = self.bounds
        numbers = {"chunk": own.chunk, "left": own.left, "right": own.right, "first": own.first}
        bounds = ((k, Const(n)) for k, n in numbers.items() if k != "first" or n)
        return (*bounds, *Attention.settings(self, this))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedAttention(Attention):
    """The dense kernel, with the inputs of the local one and a mask made of `reads`."""

    def predicates(self) -> tuple[Predicate, ...]:
        return (self.reads,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        query, key, value, *real = inputs
        mask: Expression = call("pairs", Name(self.reads.name), query)
        for each in real:
            mask = Binary(mask, "&", each)
        return Attention.code(self, this, (query, key, value, mask))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBounds:
    """The chunks of local attention.

    Each chunk reads `left` positions before it, `right` after it, and the `first` of the stream.
    """

    chunk: int
    left: int
    right: int
    first: int


def local_bounds(mask: Mask) -> LocalBounds | None:
    """Return the bounds within which all lies that a mask allows, if there are any."""
    near = [term for term in mask.terms if -inf < term.low and term.high < inf]
    far = [term for term in mask.terms if term not in near]
    if not near or any(term.stop == inf for term in far):
        return None
    first = max((int(term.stop) for term in far), default=0)
    chunks = [{c.chunk for c in term.conditions if c.chunk and c.holds} for term in near]
    if shared := set.intersection(*chunks):
        block = min(shared)
        return LocalBounds(chunk=block * -(-CHUNK // block), left=0, right=0, first=first)
    left = max(0, *(int(-term.low) for term in near))
    right = max(0, *(int(term.high) for term in near))
    return LocalBounds(chunk=max(left, right, CHUNK), left=left, right=right, first=first)
