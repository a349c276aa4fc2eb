"""`norm:` to what stands around a sub-layer: residual sum and normalisation (section 3.1)."""

from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.elementwise import Add, Dropout
from compiler.ops.expression import Number
from compiler.ops.norm import LayerNorm
from compiler.spec.model import Norm

PLACES = {
    "post": "Each sub-layer is added to its input, and the sum is normalised (section 3.1).",
    "pre": "Each sub-layer reads a normalised copy of its input and is added to it (section 3.1).",
}


def residual(
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


def lower_norm(settings: Norm, context: Context) -> LayerNorm:
    """The norm of the residual stream."""
    return LayerNorm(width=context.d_model, eps=Number("norm_eps", settings.eps))
