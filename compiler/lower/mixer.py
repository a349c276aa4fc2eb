"""`recurrence:` and `convolution:` to blocks: positions that meet without attention."""

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.masking import STREAMS
from compiler.lower.settings import Context, required
from compiler.ops.convolution import Convolution, DepthwiseConvolution, GatedConvolution
from compiler.ops.elementwise import Activation, Multiply
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.linear import Chunk, Linear
from compiler.ops.op import Op
from compiler.ops.recurrence import BidirectionalRecurrence, Recurrence
from compiler.ops.shape import BATCH, same
from compiler.spec.mixer import Convolution as ConvolutionSettings
from compiler.spec.mixer import Recurrence as RecurrenceSettings

_RECURRENCES = {
    "lstm": ("An LSTM", "LSTMs", "Hochreiter and Schmidhuber 1997"),
    "gru": ("A GRU", "GRUs", "Cho et al. 2014"),
}


def lower_recurrence(
    settings: RecurrenceSettings, real: Input, context: Context, *, stack: str, place: str
) -> Block:
    """The layer, and a map to the width of the stream where it has another."""
    kind = BidirectionalRecurrence if settings.bidirectional else Recurrence
    op = kind(
        kind=settings.kind,
        d_model=context.d_model,
        d_hidden=Hyperparameter("d_hidden", required(settings.d_hidden)),
        told=context.told,
        initial=context.initials.matrix,
    )
    body = Body(context.origin(f"{place}.recurrence.bidirectional"))
    parts: list[tuple[str, Op]] = [("recurrence", op)]
    if settings.bidirectional:
        result = body.apply(op, "x", real.name, part="recurrence", name="hidden")
    else:
        result, _ = body.unpack(op, "x", part="recurrence", names=("hidden", "_"))
    if not same(op.width, context.d_model):
        parts.append(("output", _output(op.width, context)))
        result = body.apply(_output(op.width, context), result, part="output")
    inputs = (_stream(stack, context), *([real] if settings.bidirectional else []))
    return Block(
        names=(f"{stack.capitalize()}Recurrence",),
        summary=_summary(settings),
        parts=tuple(parts),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


def _summary(settings: RecurrenceSettings) -> str:
    one, several, source = _RECURRENCES[settings.kind]
    if settings.bidirectional:
        return (
            f"Two {several} of {{d_hidden}} along the stream, from its beginning and from its end "
            f"({source})."
        )
    return f"{one} of {{d_hidden}} along the stream ({source})."


def lower_convolution(
    settings: ConvolutionSettings, real: Input, context: Context, *, stack: str, place: str
) -> Block:
    """Of one of the kinds; centred, it must be told of padding."""
    op = _convolution(settings, context)
    body = Body(context.origin(f"{place}.convolution.causal"))
    parts: list[tuple[str, Op]] = [("convolution", op)]
    inputs = (_stream(stack, context), *([] if settings.causal else [real]))
    x = body.apply(op, *(each.name for each in inputs), part="convolution")
    if settings.kind == "gated":
        hidden, gate = body.unpack(Chunk(width=context.d_model), x, names=("hidden", "gate"))
        gate = body.apply(Activation(function="sigmoid"), gate)
        result = body.apply(Multiply(), hidden, gate)
    else:
        parts.append(("output", _output(context.d_model, context)))
        result = body.apply(_output(context.d_model, context), x, part="output")
    return Block(
        names=(f"{stack.capitalize()}Convolution",),
        summary=_summary_of_convolution(settings),
        parts=tuple(parts),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


def _convolution(settings: ConvolutionSettings, context: Context) -> Convolution:
    width, causal = Hyperparameter("convolution_width", settings.width), required(settings.causal)
    initial = context.initials.matrix
    if settings.kind == "depthwise":
        return DepthwiseConvolution(
            d_model=context.d_model,
            width=width,
            causal=causal,
            initial=initial,
            told=context.told,
        )
    return GatedConvolution(
        d_model=context.d_model,
        width=width,
        causal=causal,
        initial=initial,
        gains=context.gains("output", "gate"),
        told=context.told,
    )


def _summary_of_convolution(settings: ConvolutionSettings) -> str:
    where = "the last of them its own" if settings.causal else "its own in their middle"
    reads = f"a position reads {{convolution_width}}, {where}"
    if settings.kind == "gated":
        return f"A convolution gated by another: {reads} (GLU, Gehring et al. 2017)."
    return (
        f"A convolution of each number by itself, and a linear map: {reads} (Kaiser et al. 2018)."
    )


def _stream(stack: str, context: Context) -> Input:
    return Input(name="x", shape=(BATCH, STREAMS[stack], context.d_model))


def _output(width: Expression, context: Context) -> Linear:
    return Linear(
        inputs=width,
        outputs=(("output", context.d_model),),
        bias=True,
        initial=context.initials.matrix,
        gains=context.gains("output"),
    )
