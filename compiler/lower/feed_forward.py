"""`feed_forward:` to a block (section 3.3)."""

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.elementwise import Activation, Dropout
from compiler.ops.expression import Number
from compiler.ops.linear import Linear
from compiler.ops.shape import BATCH, Free
from compiler.spec.model import FeedForward as Settings

_WORDS = {"relu": "a ReLU", "gelu": "a GELU"}


def lower_feed_forward(settings: Settings, context: Context, *, stack: str) -> Block:
    """Two linear maps and a non-linearity, the same at each position."""
    d_ff, initials = Number("d_ff", settings.d_ff), context.initials
    hidden = Linear(
        inputs=context.d_model, outputs=(("hidden", d_ff),), bias=True, initial=initials.matrix
    )
    output = Linear(
        inputs=d_ff, outputs=(("output", context.d_model),), bias=True, initial=initials.residual
    )
    body = Body(context.origin(f"model.{stack}.feed_forward"))
    h = body.apply(hidden, "x", part="hidden")
    h = body.apply(Activation(function=settings.activation), h, name="hidden")
    h = body.apply(Dropout(rate=Number("activation_dropout", settings.dropout)), h)
    result = body.apply(output, h, part="output")
    x = Input(name="x", shape=(BATCH, Free("position"), context.d_model))
    return Block(
        names=("FeedForward", f"{stack.capitalize()}FeedForward"),
        summary=f"Two linear maps with {_WORDS[settings.activation]} between them, "
        "position by position (section 3.3).",
        parts=(("hidden", hidden), ("output", output)),
        functions=(body.function("forward", (x,), result),),
        origin=body.origin,
    )
