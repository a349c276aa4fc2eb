"""`norm:` to what stands around a sub-layer: residual sum and normalisation (section 3.1)."""

from dataclasses import dataclass
from typing import assert_never

from compiler.ir.build import Body
from compiler.lower.settings import Context, given
from compiler.ops.elementwise import Add, Dropout, Scale
from compiler.ops.expression import Number
from compiler.ops.norm import LayerNorm, Norm, RMSNorm
from compiler.spec.model import Norm as Settings

_SUMMARIES = {
    None: "Each sub-layer is added to its input (section 3.1).",
    "post": "Each sub-layer is added to its input, and the sum is normalised (section 3.1).",
    "pre": "Each sub-layer reads a normalised copy of its input and is added to it (section 3.1).",
    "output": "Each sub-layer is normalised before it is added to its input.",
    "sandwich": "Each sub-layer reads a normalised copy of its input, and is normalised before it "
    "is added to it.",
    "deep": "Each sub-layer is added to {alpha} times its input, and the sum is normalised "
    "(DeepNorm, Wang et al. 2022).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What stands around the sub-layers of a layer. `alpha` weighs the stream (DeepNorm)."""

    norm: Norm | None
    place: str | None
    dropout: Dropout
    alpha: Number | None

    @property
    def summary(self) -> str:
        """Of a layer."""
        return _SUMMARIES[self.place]

    def parts(self, sub_layer: str) -> tuple[tuple[str, Norm], ...]:
        """The norms of a sub-layer."""
        if self.norm is None:
            return ()
        before, after = f"{sub_layer}_norm", f"{sub_layer}_output_norm"
        names = {"sandwich": (before, after), "output": (after,)}.get(self.place or "", (before,))
        return tuple((name, self.norm) for name in names)

    def add(self, body: Body, x: str, sub_layer: str, others: tuple[str, ...]) -> str:
        """x and what the sub-layer makes of it and of `others`, in one of these forms:

        x + f(x), norm(x + f(x)), x + f(norm(x)), x + norm(f(x)), x + norm(f(norm(x))),
        norm(alpha * x + f(x)).
        """
        inside = self._normalised(body, x, sub_layer, "pre", "sandwich")
        y = body.invoke(sub_layer, inside, *others, name="y")
        y = self._normalised(body, y, f"{sub_layer}_output", "output", "sandwich")
        y = body.apply(self.dropout, y)
        if self.alpha is not None:
            x = body.apply(Scale(by=self.alpha), x)
        is_last = self.place not in ("post", "deep")
        total = body.apply(Add(), x, y, name="x" if is_last else "_")
        return self._normalised(body, total, sub_layer, "post", "deep", name="x")

    def _normalised(self, body: Body, x: str, sub_layer: str, *places: str, name: str = "_") -> str:
        if self.norm is None or self.place not in places:
            return x
        return body.apply(self.norm, x, part=f"{sub_layer}_norm", name=name)


def lower_residual(settings: Settings, dropout: float, context: Context) -> Residual:
    """What stands around the sub-layers of a layer with such norms."""
    return Residual(
        norm=lower_norm(settings, context),
        place=settings.place,
        dropout=Dropout(rate=Number("dropout", dropout)),
        alpha=context.deep_norm.alpha if context.deep_norm else None,
    )


def lower_norm(settings: Settings, context: Context) -> Norm | None:
    """The norm of the residual stream."""
    match settings.kind:
        case "layer_norm":
            bias = given(settings.bias)
            return LayerNorm(width=context.d_model, eps=_eps(settings), bias=bias)
        case "rms_norm":
            offset = given(settings.offset)
            return RMSNorm(width=context.d_model, eps=_eps(settings), offset=offset)
        case "none":
            return None
        case _:
            assert_never(settings.kind)


def _eps(settings: Settings) -> Number:
    return Number("norm_eps", given(settings.eps))
