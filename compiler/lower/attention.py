"""`self_attention:` and `cross_attention:` to blocks (section 3.2)."""

from dataclasses import dataclass

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.settings import Context, given
from compiler.ops.attention import Attention
from compiler.ops.expression import Literal, Number, product
from compiler.ops.heads import MergeHeads, SplitHeads
from compiler.ops.linear import Linear
from compiler.ops.mask import MASKS
from compiler.ops.shape import BATCH, Free
from compiler.spec.model import Attention as Settings

SOURCE, TARGET = Free("source"), Free("target")


def lower_encoder_attention(settings: Settings, context: Context) -> Block:
    """Self-attention of the encoder, which must not see padding."""
    return _self_attention(
        settings, context, place="model.encoder.self_attention", name="EncoderSelfAttention"
    )


def lower_decoder_attention(settings: Settings, context: Context) -> Block:
    """Self-attention of the decoder: the causal mask hides the padding, which comes last."""
    return _self_attention(
        settings, context, place="model.decoder.self_attention", name="DecoderSelfAttention"
    )


def lower_cross_attention(settings: Settings, context: Context) -> Block:
    """Queries from the target, keys and values from the encoder's output."""
    attention = _Attention.of(settings, context)
    origin = context.origin("model.decoder.cross_attention")
    body = Body(origin)
    projected = body.apply(attention.linear("query"), "x", part="query")
    (query,) = body.unpack(attention.split("query"), projected, names=("query",))
    fused = body.apply(attention.linear("key", "value"), "memory", part="key_value")
    key, value = body.unpack(attention.split("key", "value"), fused, names=("key", "value"))
    result = attention.attend(body, query, key, value, "source_mask")
    inputs = (
        Input(name="x", shape=(BATCH, TARGET, context.d_model)),
        Input(name="memory", shape=(BATCH, SOURCE, context.d_model)),
        mask_input(SOURCE),
    )
    return Block(
        names=("CrossAttention",),
        summary="Attention to the encoder's output, {heads} heads of {d_k} (section 3.2.3).",
        parts=(
            ("query", attention.linear("query")),
            ("key_value", attention.linear("key", "value")),
            ("output", attention.output()),
        ),
        functions=(body.function("forward", inputs, result),),
        origin=origin,
    )


def needs_mask(settings: Settings) -> bool:
    """Whether a self-attention must be told of padding, which stands at the end of a sentence."""
    return not MASKS[settings.mask].causal


def mask_input(stream: Free) -> Input:
    """The parameter that says which tokens of a stream are real."""
    shape = (BATCH, Literal(1), Literal(1), stream)
    return Input(name=f"{stream.name}_mask", shape=shape)


def _self_attention(settings: Settings, context: Context, *, place: str, name: str) -> Block:
    attention = _Attention.of(settings, context)
    stream = SOURCE if name.startswith("Encoder") else TARGET
    masks = (mask_input(stream),) if needs_mask(settings) else ()
    kinds = ("query", "key", "value")
    body = Body(context.origin(place))
    fused = body.apply(attention.linear(*kinds), "x", part="query_key_value")
    query, key, value = body.unpack(attention.split(*kinds), fused, names=kinds)
    result = attention.attend(body, query, key, value, *(mask.name for mask in masks))
    inputs = (Input(name="x", shape=(BATCH, stream, context.d_model)), *masks)
    return Block(
        names=(name,),
        summary=_summary(settings),
        parts=(("query_key_value", attention.linear(*kinds)), ("output", attention.output())),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


def _summary(settings: Settings) -> str:
    if MASKS[settings.mask].causal:
        return (
            "Masked self-attention, {heads} heads of {d_k}: position i reads 0..i (section 3.2.3)."
        )
    return "Self-attention, {heads} heads of {d_k}: a position reads all (section 3.2.3)."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attention:
    """The numbers of one attention under their names, and the ops made of them."""

    settings: Settings
    context: Context
    heads: Number
    widths: dict[str, Number]

    @classmethod
    def of(cls, settings: Settings, context: Context) -> "_Attention":
        d_k, d_v = Number("d_k", given(settings.d_k)), Number("d_v", given(settings.d_v))
        return cls(
            settings=settings,
            context=context,
            heads=Number("heads", settings.heads),
            widths={"query": d_k, "key": d_k, "value": d_v},
        )

    def linear(self, *kinds: str) -> Linear:
        return Linear(
            inputs=self.context.d_model,
            outputs=tuple((kind, product(self.heads, self.widths[kind])) for kind in kinds),
            bias=self.settings.bias,
            initial=self.context.initials.query_key_value,
        )

    def output(self) -> Linear:
        return Linear(
            inputs=product(self.heads, self.widths["value"]),
            outputs=(("output", self.context.d_model),),
            bias=self.settings.bias,
            initial=self.context.initials.matrix,
        )

    def split(self, *kinds: str) -> SplitHeads:
        return SplitHeads(heads=self.heads, widths=tuple(self.widths[kind] for kind in kinds))

    def attend(self, body: Body, *inputs: str) -> str:
        attention = Attention(
            heads=self.heads,
            d_k=self.widths["key"],
            d_v=self.widths["value"],
            mask=MASKS[self.settings.mask],
            dropout=Number("attention_dropout", self.settings.dropout),
        )
        mixed = body.apply(attention, *inputs, name="mixed")
        merged = body.apply(MergeHeads(heads=self.heads, width=self.widths["value"]), mixed)
        return body.apply(self.output(), merged, part="output")
