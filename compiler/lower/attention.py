"""`self_attention:` and `cross_attention:` to blocks (section 3.2)."""

from dataclasses import dataclass

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.masking import Masking
from compiler.lower.settings import Context, given
from compiler.mask.mask import ALL, CAUSAL, Mask
from compiler.ops.expression import Expression, Number, product
from compiler.ops.heads import MergeHeads, SplitGroups, SplitHeads
from compiler.ops.linear import Linear
from compiler.ops.norm import LayerNorm, RMSNorm
from compiler.ops.shape import BATCH, SOURCE, TARGET
from compiler.spec.sub_layer import Attention as Settings
from compiler.spec.sub_layer import QueryKeyNorm


def lower_self_attention(
    settings: Settings, masking: Masking, context: Context, place: str
) -> Block:
    """A stream reads itself."""
    stack = masking.reads.place.partition("_")[0]
    attention = _Attention.of(settings, masking, context)
    kinds = ("query", "key", "value")
    body = Body(context.origin(f"{place}.self_attention.mask"))
    fused = body.apply(attention.linear(*kinds), "x", part="query_key_value")
    query, key, value = body.unpack(attention.split(*kinds), fused, names=kinds)
    result = attention.attend(body, query, key, value)
    inputs = (Input(name="x", shape=(BATCH, masking.queries, context.d_model)), *masking.inputs())
    return Block(
        names=(f"{stack.capitalize()}SelfAttention",),
        summary=_summary(masking.reads.mask, settings),
        parts=(
            ("query_key_value", attention.linear(*kinds)),
            *attention.norm_parts(),
            ("output", attention.output()),
        ),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


def lower_cross_attention(
    settings: Settings, masking: Masking, context: Context, place: str
) -> Block:
    """Queries from the target, keys and values from the encoder's output."""
    attention = _Attention.of(settings, masking, context)
    body = Body(context.origin(f"{place}.cross_attention.mask"))
    projected = body.apply(attention.linear("query"), "x", part="query")
    (query,) = body.unpack(attention.split("query"), projected, names=("query",))
    key_value = attention.linear("key", "value", inputs=context.widths["encoder"])
    fused = body.apply(key_value, "memory", part="key_value")
    key, value = body.unpack(attention.split("key", "value"), fused, names=("key", "value"))
    result = attention.attend(body, query, key, value)
    inputs = (
        Input(name="x", shape=(BATCH, TARGET, context.d_model)),
        Input(name="memory", shape=(BATCH, SOURCE, context.widths["encoder"])),
        *masking.inputs(),
    )
    masked = "" if masking.reads.mask == ALL else f", masked by `{masking.reads.mask.text}`"
    return Block(
        names=("CrossAttention",),
        summary="Attention to the encoder's output, {heads} heads of {d_k}"
        f"{masked} (section 3.2.3).",
        parts=(
            ("query", attention.linear("query")),
            ("key_value", key_value),
            *attention.norm_parts(),
            ("output", attention.output()),
        ),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


def _summary(mask: Mask, settings: Settings) -> str:
    heads = "{heads} heads of {d_k}"
    if settings.kv_heads != settings.heads:
        heads += " ({kv_heads} of keys and values)"
    if mask == CAUSAL:
        return f"Masked self-attention, {heads}: position i reads 0..i (section 3.2.3)."
    if mask == ALL:
        return f"Self-attention, {heads}: a position reads all (section 3.2.3)."
    return f"Self-attention, {heads}, masked by `{mask.text}` (section 3.2.3)."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attention:
    """The numbers of one attention under their names, and the ops made of them."""

    settings: Settings
    masking: Masking
    context: Context
    heads: dict[str, Number]
    widths: dict[str, Number]

    @classmethod
    def of(cls, settings: Settings, masking: Masking, context: Context) -> "_Attention":
        d_k, d_v = Number("d_k", given(settings.d_k)), Number("d_v", given(settings.d_v))
        heads = kv_heads = Number("heads", settings.heads)
        if settings.kv_heads != settings.heads:
            kv_heads = Number("kv_heads", given(settings.kv_heads))
        return cls(
            settings=settings,
            masking=masking,
            context=context,
            heads={"query": heads, "key": kv_heads, "value": kv_heads},
            widths={"query": d_k, "key": d_k, "value": d_v},
        )

    def linear(self, *kinds: str, inputs: Number | None = None) -> Linear:
        """From the stack's own stream, or from one of another width."""
        return Linear(
            inputs=inputs or self.context.d_model,
            outputs=tuple((kind, product(self.heads[kind], self.widths[kind])) for kind in kinds),
            bias=self.settings.bias,
            initial=self.context.initials.query_key_value,
            gains=self.context.gains(*kinds),
        )

    def output(self) -> Linear:
        return Linear(
            inputs=product(self.heads["query"], self.widths["value"]),
            outputs=(("output", self.context.d_model),),
            bias=given(self.settings.output_bias),
            initial=self.context.initials.matrix,
            gains=self.context.gains("output"),
        )

    def split(self, *kinds: str) -> SplitHeads | SplitGroups:
        heads, widths = ([by_kind[kind] for kind in kinds] for by_kind in (self.heads, self.widths))
        if len(set(heads)) > 1:
            return SplitGroups(parts=tuple(zip(heads, widths, strict=True)))
        return SplitHeads(heads=heads[0], widths=tuple(widths))

    def norms(self) -> dict[str, LayerNorm | RMSNorm]:
        """Of queries and of keys, head by head or over all heads."""
        settings = self.settings.query_key_norm
        if settings is None:
            return {}
        return {kind: self._norm(settings, kind) for kind in ("query", "key")}

    def norm_parts(self) -> tuple[tuple[str, LayerNorm | RMSNorm], ...]:
        """The attributes that hold them."""
        return tuple((f"{kind}_norm", norm) for kind, norm in self.norms().items())

    def _norm(self, settings: QueryKeyNorm, kind: str) -> LayerNorm | RMSNorm:
        eps, width = Number("query_key_eps", settings.eps), self._normalised_width(settings, kind)
        if settings.kind == "layer_norm":
            return LayerNorm(width=width, eps=eps, bias=True)
        return RMSNorm(width=width, eps=eps, offset=False)

    def _normalised_width(self, settings: QueryKeyNorm, kind: str) -> Expression:
        heads, width = self.heads[kind], self.widths[kind]
        return width if settings.over == "head" else product(heads, width)

    def normalised(self, body: Body, x: str, kind: str) -> str:
        """A query or key with its norm, if it has one."""
        norm, heads, width = self.norms().get(kind), self.heads[kind], self.widths[kind]
        if norm is None:
            return x
        if norm.width == width:
            return body.apply(norm, x, part=f"{kind}_norm", name=kind)
        merged = body.apply(MergeHeads(heads=heads, width=width), x)
        merged = body.apply(norm, merged, part=f"{kind}_norm")
        (x,) = body.unpack(SplitHeads(heads=heads, widths=(width,)), merged, names=(kind,))
        return x

    def attend(self, body: Body, query: str, key: str, value: str) -> str:
        query = self.normalised(body, query, "query")
        key = self.normalised(body, key, "key")
        if rotary := self.masking.rotary:
            query = rotary.turn(body, query, "query")
            key = rotary.turn(body, key, "key")
        attention = self.masking.attention(
            heads=self.heads["query"],
            kv_heads=self.heads["key"],
            d_k=self.widths["key"],
            d_v=self.widths["value"],
            dropout=Number("attention_dropout", self.settings.dropout),
            scale=_number("attention_scale", self.settings.scale),
            soft_cap=_number("score_cap", self.settings.soft_cap),
        )
        masks = (each.name for each in self.masking.told())
        mixed = body.apply(attention, query, key, value, *masks, name="mixed")
        merged = body.apply(
            MergeHeads(heads=self.heads["query"], width=self.widths["value"]), mixed
        )
        return body.apply(self.output(), merged, part="output")


def _number(name: str, value: float | None) -> Number | None:
    return None if value is None else Number(name, value)
