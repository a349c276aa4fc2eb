"""`encoder:` and `decoder:` to stacks of layers (section 3.1)."""

from compiler.ir.block import Block, Input, Repeat
from compiler.ir.build import Body
from compiler.lower.attention import lower_cross_attention, lower_self_attention
from compiler.lower.feed_forward import lower_feed_forward
from compiler.lower.masking import SOURCE, TARGET, Maskings, told
from compiler.lower.residual import lower_norm, lower_residual
from compiler.lower.settings import Context
from compiler.ops.expression import Number
from compiler.ops.op import Op
from compiler.ops.shape import BATCH
from compiler.spec.model import DecoderStack, EncoderStack, LayerGroup, Norm

SubLayers = dict[str, tuple[Block, tuple[str, ...]]]


def lower_encoder(settings: EncoderStack, masks: Maskings, context: Context) -> Block:
    """The encoder: groups of layers of self-attention and feed-forward."""
    stream = Input(name="x", shape=(BATCH, SOURCE, context.d_model))
    layers = []
    for number, (group, masking) in enumerate(zip(settings.layers, masks.encoder, strict=True)):
        place = f"model.encoder.layers.{number}"
        own = masking.inputs()
        sub_layers: SubLayers = {
            "self_attention": (
                lower_self_attention(group.self_attention, masking, context, place),
                _names(own),
            ),
            "feed_forward": (lower_feed_forward(group.feed_forward, context, stack="encoder"), ()),
        }
        inputs = (stream, *own)
        layers.append(_layer(group, settings.norm, context, "encoder", sub_layers, inputs))
    inputs = (stream, *told(masks.encoder))
    return _stack(settings, context, "encoder", layers, inputs)


def lower_decoder(settings: DecoderStack, masks: Maskings, context: Context) -> Block:
    """The decoder: groups of layers of self-attention, cross-attention and feed-forward."""
    streams = (
        Input(name="x", shape=(BATCH, TARGET, context.d_model)),
        Input(name="memory", shape=(BATCH, SOURCE, context.d_model)),
    )
    layers = []
    for number, group in enumerate(settings.layers):
        place = f"model.decoder.layers.{number}"
        within, across = masks.decoder[number], masks.cross[number]
        own, others = within.inputs(), across.inputs()
        sub_layers: SubLayers = {
            "self_attention": (
                lower_self_attention(group.self_attention, within, context, place),
                _names(own),
            ),
            "cross_attention": (
                lower_cross_attention(group.cross_attention, across, context, place),
                ("memory", *_names(others)),
            ),
            "feed_forward": (lower_feed_forward(group.feed_forward, context, stack="decoder"), ()),
        }
        inputs = (*streams, *own, *others)
        layers.append(_layer(group, settings.norm, context, "decoder", sub_layers, inputs))
    inputs = (*streams, *told(masks.decoder), *told(masks.cross))
    return _stack(settings, context, "decoder", layers, inputs)


def _names(inputs: tuple[Input, ...]) -> tuple[str, ...]:
    return tuple(each.name for each in inputs)


def _stack(
    settings: EncoderStack | DecoderStack,
    context: Context,
    stack: str,
    layers: list[Block],
    inputs: tuple[Input, ...],
) -> Block:
    """The groups one after the other; `layers[5:6]` is the part of the sixth layer alone."""
    body, x, first = Body(context.origin(f"model.{stack}")), "x", 0
    parts: list[tuple[str, Op | Repeat | Block]] = []
    for layer, group in zip(layers, settings.layers, strict=True):
        last = first + group.repeat
        part = "layers" if len(layers) == 1 else f"layers[{first}:{last}]"
        count = Number(f"{stack}_layers", group.repeat)
        parts.append((part, Repeat(block=layer, count=count)))
        given_to = (each.name for each in layer.function("forward").inputs[1:])
        x = body.invoke(part, x, *given_to, name="x")
        first = last
    summary = f"{{{stack}_layers}} layers" if len(layers) == 1 else f"{first} layers of some kinds"
    norm = lower_norm(settings.norm, context)
    if norm is not None and settings.norm.final:
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
    group: LayerGroup,
    norm_settings: Norm,
    context: Context,
    stack: str,
    sub_layers: SubLayers,
    inputs: tuple[Input, ...],
) -> Block:
    residual = lower_residual(norm_settings, group.dropout, context)
    parts: list[tuple[str, Op | Repeat | Block]] = []
    body, x = Body(context.origin(f"model.{stack}")), "x"
    for name, (block, others) in sub_layers.items():
        parts += [(name, block), *residual.parts(name)]
        x = residual.add(body, x, name, others)
    return Block(
        names=(f"{stack.capitalize()}Layer",),
        summary=residual.summary,
        parts=tuple(parts),
        functions=(body.function("forward", inputs, x),),
        origin=body.origin,
    )
