"""`feed_forward:` to a block (section 3.3; Shazeer 2020 for the gated forms)."""

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.elementwise import Activation, Dropout, Multiply
from compiler.ops.expression import Expression, Number
from compiler.ops.linear import Halves, Linear
from compiler.ops.shape import BATCH, Free
from compiler.spec.model import FeedForward as Settings

_WORDS = {
    "relu": "a ReLU",
    "gelu": "a GELU",
    "gelu_tanh": "a GELU by its tanh formula",
    "silu": "a SiLU",
    "sigmoid": "a sigmoid",
    "relu_squared": "a squared ReLU",
}
_GATES = {"relu": "ReGLU", "gelu": "GEGLU", "silu": "SwiGLU", "sigmoid": "GLU"}


def lower_feed_forward(settings: Settings, context: Context, *, stack: str) -> Block:
    """Linear maps and a non-linearity, the same at each position."""
    d_ff, activation = Number("d_ff", settings.d_ff), Activation(function=settings.activation)
    names = ("gate", "hidden") if settings.gated else ("hidden",)
    to_hidden = _linear(settings, context, context.d_model, *((name, d_ff) for name in names))
    to_output = _linear(settings, context, d_ff, ("output", context.d_model))
    body = Body(context.origin(f"model.{stack}.feed_forward"))
    h = body.apply(to_hidden, "x", part="hidden")
    if settings.gated:
        gate, h = body.unpack(Halves(width=d_ff), h, names=names)
        h = body.apply(Multiply(), body.apply(activation, gate), h, name="hidden")
    else:
        h = body.apply(activation, h, name="hidden")
    h = body.apply(Dropout(rate=Number("activation_dropout", settings.dropout)), h)
    result = body.apply(to_output, h, part="output")
    x = Input(name="x", shape=(BATCH, Free("position"), context.d_model))
    return Block(
        names=("FeedForward", f"{stack.capitalize()}FeedForward"),
        summary=_summary(settings),
        parts=(("hidden", to_hidden), ("output", to_output)),
        functions=(body.function("forward", (x,), result),),
        origin=body.origin,
    )


def _linear(
    settings: Settings, context: Context, inputs: Number, *outputs: tuple[str, Expression]
) -> Linear:
    return Linear(
        inputs=inputs,
        outputs=outputs,
        bias=settings.bias,
        initial=context.initials.matrix,
        gains=context.gains(*(name for name, _ in outputs)),
    )


def _summary(settings: Settings) -> str:
    word = _WORDS[settings.activation]
    if not settings.gated:
        return f"Two linear maps with {word} between them, position by position (section 3.3)."
    name = _GATES.get(settings.activation)
    source = f"({name}, Shazeer 2020)" if name else "(Shazeer 2020)"
    return f"A linear map gated by another through {word}, and a third {source}."
