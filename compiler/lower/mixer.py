"""Mixers to blocks: sub-layers by which positions meet without attention.

`_LOWERINGS` holds, for the class of a mixer's settings, the function that writes its statements.
"""

from collections.abc import Callable
from typing import Any

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.linear_mixer import (
    lower_delta_net,
    lower_linear_attention,
    lower_state_space,
)
from compiler.lower.masking import STREAMS, padding_mask
from compiler.lower.mixer_writer import Writer
from compiler.lower.settings import Context, required
from compiler.ops.convolution import DepthwiseConvolution, GatedConvolution
from compiler.ops.elementwise import Activation, Multiply
from compiler.ops.expression import Hyperparameter
from compiler.ops.linear import Chunk
from compiler.ops.recurrence import BidirectionalRecurrence, Recurrence
from compiler.ops.shape import BATCH, same
from compiler.spec.linear_mixer import DeltaNet, LinearAttention, StateSpace
from compiler.spec.mixer import Convolution, ShortConvolution
from compiler.spec.mixer import Recurrence as RecurrenceSettings
from compiler.spec.mixer_base import Mixer

_RECURRENCES = {
    "lstm": ("An LSTM", "LSTMs", "Hochreiter and Schmidhuber 1997"),
    "gru": ("A GRU", "GRUs", "Cho et al. 2014"),
}


def lower_mixer(settings: Mixer, context: Context, *, stack: str, name: str, place: str) -> Block:
    """Return the block of a mixer, whose key is `name` and whose settings stand at `place`."""
    origin = context.origin(".".join(filter(None, (place, name, settings.AHEAD_KEY))))
    stream, body = STREAMS[stack], Body(origin)
    x, inputs = Input(name="x", shape=(BATCH, stream, context.d_model)), ["x"]
    if settings.reads_ahead:
        inputs.append(padding_mask(body, stream, f"{stream.name}_mask"))
    writer = Writer(name=name, inputs=tuple(inputs), context=context, body=body)
    summary, result = _LOWERINGS[type(settings)](settings, writer)
    title = "".join(each.capitalize() for each in (stack, *name.split("_")))
    return Block(
        names=(title,),
        summary=summary,
        parts=tuple(writer.parts.items()),
        functions=(body.function("forward", (x,), result),),
        origin=origin,
    )


def _recurrence(settings: RecurrenceSettings, writer: Writer) -> tuple[str, str]:
    """Write the layer, and a map to the width of the stream where it has another."""
    context = writer.context
    kind = BidirectionalRecurrence if settings.bidirectional else Recurrence
    op = kind(
        kind=settings.kind,
        d_model=context.d_model,
        d_hidden=Hyperparameter("d_hidden", required(settings.d_hidden)),
        initial=context.initials.matrix,
    )
    result, *_ = writer.mix(op, *(("hidden",) if settings.bidirectional else ("hidden", "_")))
    if not same(op.width, context.d_model):
        result = writer.output(result, op.width)
    one, several, source = _RECURRENCES[settings.kind]
    summary = f"{one} of {{d_hidden}} along the stream ({source})."
    if settings.bidirectional:
        ends = "from its beginning and from its end"
        summary = f"Two {several} of {{d_hidden}} along the stream, {ends} ({source})."
    return summary, result


def _convolution(settings: Convolution, writer: Writer) -> tuple[str, str]:
    """Write the convolution with its gate, or with a map of its numbers position by position."""
    context, body = writer.context, writer.body
    common, reads = _common(settings, context), _reads(settings)
    if settings.kind == "gated":
        (x,) = writer.mix(GatedConvolution(**common, gains=context.gains("output", "gate")), "_")
        hidden, gate = body.unpack(Chunk(width=context.d_model), x, names=("hidden", "gate"))
        gate = body.apply(Activation(name="sigmoid"), gate)
        summary = f"A convolution gated by another: {reads} (GLU, Gehring et al. 2017)."
        return summary, body.apply(Multiply(), hidden, gate)
    (x,) = writer.mix(DepthwiseConvolution(**common), "_")
    about = "A convolution of each number by itself, and a linear map"
    return f"{about}: {reads} (Kaiser et al. 2018).", writer.output(x, context.d_model)


def _short_convolution(settings: ShortConvolution, writer: Writer) -> tuple[str, str]:
    """Write both gates and the convolution between them."""
    body, width = writer.body, writer.context.d_model
    names = ("input_gate", "output_gate", "hidden")
    both = writer.map(
        "gates_hidden", writer.stream, width, *((n, width) for n in names), bias=settings.bias
    )
    chunk = Chunk(width=width, count=len(names))
    input_gate, output_gate, hidden = body.unpack(chunk, both, names=names)
    hidden = body.apply(Multiply(), input_gate, hidden, name="_")
    op = DepthwiseConvolution(**_common(settings, writer.context), bias=settings.bias)
    (near,) = writer.mix(op, "near", of=(hidden,))
    result = writer.output(body.apply(Multiply(), output_gate, near), width, bias=settings.bias)
    about = "A convolution of each number by itself, between two gates"
    return f"{about}: {_reads(settings)} (LFM2, Amini et al. 2025).", result


def _common(settings: Convolution | ShortConvolution, context: Context) -> dict[str, Any]:
    """Return the fields that all convolutions have."""
    return {
        "inputs": context.d_model,
        "width": Hyperparameter("convolution_width", settings.width),
        "causal": not settings.reads_ahead,
        "initial": context.initials.matrix,
    }


def _reads(settings: Convolution | ShortConvolution) -> str:
    where = "its own in their middle" if settings.reads_ahead else "the last of them its own"
    return f"a position reads {{convolution_width}}, {where}"


_LOWERINGS: dict[type[Mixer], Callable[[Any, Writer], tuple[str, str]]] = {
    RecurrenceSettings: _recurrence,
    Convolution: _convolution,
    ShortConvolution: _short_convolution,
    LinearAttention: lower_linear_attention,
    StateSpace: lower_state_space,
    DeltaNet: lower_delta_net,
}
"""Each writes the statements of a mixer, and returns the summary of its block and the result."""
