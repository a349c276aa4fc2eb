"""`encoder:` and `decoder:` to stacks of layers (section 3.1)."""

from compiler.ir.block import Block, Input, Repeat
from compiler.ir.build import Body
from compiler.lower.attention import lower_cross_attention, lower_self_attention
from compiler.lower.feed_forward import lower_feed_forward
from compiler.lower.masking import SOURCE, TARGET, Maskings
from compiler.lower.settings import Context, given
from compiler.ops.elementwise import Add, Dropout
from compiler.ops.expression import Number
from compiler.ops.norm import LayerNorm
from compiler.ops.op import Op
from compiler.ops.shape import BATCH
from compiler.spec.model import DecoderStack, EncoderStack, Norm

_PLACES = {
    "post": "Each sub-layer is added to its input, and the sum is normalised (section 3.1).",
    "pre": "Each sub-layer reads a normalised copy of its input and is added to it (section 3.1).",
}
SubLayers = dict[str, tuple[Block, tuple[str, ...]]]


def lower_encoder(settings: EncoderStack, masks: Maskings, context: Context) -> Block:
    """The encoder: self-attention and feed-forward, `layers` times."""
    given_masks = masks.encoder.inputs()
    sub_layers: SubLayers = {
        "self_attention": (
            lower_self_attention(settings.self_attention, masks.encoder, context),
            _names(given_masks),
        ),
        "feed_forward": (lower_feed_forward(settings.feed_forward, context, stack="encoder"), ()),
    }
    inputs = (Input(name="x", shape=(BATCH, SOURCE, context.d_model)), *given_masks)
    return _stack(settings, context, "encoder", sub_layers, inputs)


def lower_decoder(settings: DecoderStack, masks: Maskings, context: Context) -> Block:
    """The decoder: self-attention, cross-attention and feed-forward, `layers` times."""
    own, others = masks.decoder.inputs(), masks.cross.inputs()
    sub_layers: SubLayers = {
        "self_attention": (
            lower_self_attention(settings.self_attention, masks.decoder, context),
            _names(own),
        ),
        "cross_attention": (
            lower_cross_attention(settings.cross_attention, masks.cross, context),
            ("memory", *_names(others)),
        ),
        "feed_forward": (lower_feed_forward(settings.feed_forward, context, stack="decoder"), ()),
    }
    inputs = (
        Input(name="x", shape=(BATCH, TARGET, context.d_model)),
        Input(name="memory", shape=(BATCH, SOURCE, context.d_model)),
        *own,
        *others,
    )
    return _stack(settings, context, "decoder", sub_layers, inputs)


def _names(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    return tuple(each.name for each in inputs)


def _stack(
    settings: EncoderStack | DecoderStack,
    context: Context,
    stack: str,
    sub_layers: SubLayers,
    inputs: tuple[Input, ...],
) -> Block:
    layer = _layer(settings, context, stack, sub_layers, inputs)
    count = Number(f"{stack}_layers", settings.layers)
    parts: list[tuple[str, Op | Repeat | Block]] = [("layers", Repeat(block=layer, count=count))]
    body = Body(context.origin(f"model.{stack}"))
    x = body.invoke("layers", *(each.name for each in inputs), name="x")
    summary = f"{{{stack}_layers}} layers"
    if given(settings.norm.final):
        norm = _norm(settings.norm, context)
        parts.append(("norm", norm))
        x = body.apply(norm, x, part="norm")
        summary += " and a norm after the last"
    return Block(
        names=(stack.capitalize(),),
        summary=f"{summary} (section 3.1).",
        parts=tuple(parts),
        functions=(body.function("forward", inputs, x),),
        closed=True,
        origin=body.origin,
    )


def _layer(
    settings: EncoderStack | DecoderStack,
    context: Context,
    stack: str,
    sub_layers: SubLayers,
    inputs: tuple[Input, ...],
) -> Block:
    norm = _norm(settings.norm, context)
    dropout = Dropout(rate=Number("dropout", settings.dropout))
    parts: list[tuple[str, Op | Repeat | Block]] = []
    body, x = Body(context.origin(f"model.{stack}")), "x"
    for name, (block, others) in sub_layers.items():
        parts += [(name, block), (f"{name}_norm", norm)]
        x = _sub_layer(body, x, name, others, norm, dropout, place=settings.norm.place)
    return Block(
        names=(f"{stack.capitalize()}Layer",),
        summary=_PLACES[settings.norm.place],
        parts=tuple(parts),
        functions=(body.function("forward", inputs, x),),
        origin=body.origin,
    )


def _sub_layer(
    body: Body,
    x: str,
    name: str,
    others: tuple[str, ...],
    norm: LayerNorm,
    dropout: Dropout,
    *,
    place: str,
) -> str:
    """norm(x + dropout(sub_layer(x))), or x + dropout(sub_layer(norm(x)))."""
    inside = body.apply(norm, x, part=f"{name}_norm") if place == "pre" else x
    y = body.invoke(name, inside, *others, name="y")
    dropped = body.apply(dropout, y)
    if place == "pre":
        return body.apply(Add(), x, dropped, name="x")
    return body.apply(norm, body.apply(Add(), x, dropped), part=f"{name}_norm", name="x")


def _norm(settings: Norm, context: Context) -> LayerNorm:
    return LayerNorm(width=context.d_model, eps=Number("norm_eps", settings.eps))
