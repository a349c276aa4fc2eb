"""Lowers `norm:`: residual sums and normalisation (Vaswani et al. 2017, section 3.1)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from compiler.ir.build import Body
from compiler.lower.settings import Context, required
from compiler.ops.elementwise import Add, Dropout, LayerScale, Scale, StochasticDepth
from compiler.ops.expression import Hyperparameter
from compiler.ops.norm import LayerNorm, Norm, RMSNorm
from compiler.ops.op import Op
from compiler.ops.streams import AddToStreams, HyperConnection
from compiler.source.span import Span
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.model import Norm as Settings

Branches = dict[str, tuple[str, ...]]
"""Sub-layers side by side, each with what it is given besides the stream."""

_INPUTS, _OUTPUTS, _SUMS = ("pre", "sandwich"), ("output", "sandwich"), ("post", "deep")
"""Places of norms that are applied to what is read, to what is added, and to the sum."""

_SUMMARIES = {
    None: "Each sub-layer is added to its input.",
    "post": "Each sub-layer is added to its input, and the sum is normalised (post-norm, Vaswani "
    "et al. 2017, section 3.1).",
    "pre": "Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, "
    "Xiong et al. 2020).",
    "output": "Each sub-layer is normalised before it is added to its input.",
    "sandwich": "Each sub-layer reads a normalised copy of its input, and is normalised before it "
    "is added to it (sandwich norm, Ding et al. 2021).",
    "deep": "Each sub-layer is added to {alpha} times its input, and the sum is normalised "
    "(DeepNorm, Wang et al. 2022).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """The residual connections of a layer, with norms; `alpha` weighs the stream (DeepNorm)."""

    norm: Norm | None
    place: str | None
    scale: LayerScale | None
    streams: Hyperparameter | None
    is_dynamic: bool
    width: Hyperparameter
    dropout: Dropout
    stochastic_depth: StochasticDepth
    alpha: Hyperparameter | None
    is_joint: bool
    origin: Span

    @property
    def summary(self) -> str:
        """Return the summary of a layer."""
        source = isinstance(self.norm, RMSNorm) * " The norm is RMSNorm (Zhang and Sennrich 2019)."
        if self.streams is not None:
            source += " There are {streams} streams (hyper-connections, Zhu et al. 2024)."
        return f"{_SUMMARIES[self.place]}{source}"

    def connection(self, number: int) -> HyperConnection | None:
        """The connection of sub-layers with several streams; `number` is theirs in the layer."""
        if self.streams is None:
            return None
        return HyperConnection(
            width=self.width,
            streams=self.streams,
            first=number % int(self.streams.value),
            dynamic=self.is_dynamic,
        )

    def bare(self) -> "Residual":
        """The connections of sub-layers that have no norm before them."""
        return replace(self, norm=None) if self.place == "pre" else replace(self, place="output")

    def parts(self, names: tuple[str, ...], number: int) -> Iterator[tuple[str, Op]]:
        """The norms and factors of sub-layers that stand side by side, mostly of one."""
        if (connection := self.connection(number)) is not None:
            yield f"{names[0]}_streams", connection
        if self.scale is not None:
            yield from ((f"{name}_scale", self.scale) for name in names)
        if self.norm is None:
            return
        if self.place != "output":
            is_one = self.is_joint or self.place in _SUMS
            yield from ((f"{name}_norm", self.norm) for name in (names[:1] if is_one else names))
        if self.place in _OUTPUTS:
            yield from ((f"{name}_output_norm", self.norm) for name in names)

    def add(self, body: Body, x: str, branches: Branches, number: int) -> str:
        """x and what the sub-layer f makes of it (or some do, side by side), in one of these forms:

        x + f(x), norm(x + f(x)), x + f(norm(x)), x + norm(f(x)), x + norm(f(norm(x))),
        norm(alpha * x + f(x)).
        """
        body = body.at(self.origin)
        first = next(iter(branches))
        if (connection := self.connection(number)) is not None:
            names, part = ("x", "streams", "share"), f"{first}_streams"
            x, streams, share = body.unpack(connection, x, part=part, names=names)
            y, *others = self._added(body, x, branches)
            for other in others:
                y = body.apply(Add(), y, other, name="y")
            return body.apply(AddToStreams(), streams, share, y, name="x")
        added = self._added(body, x, branches)
        if self.alpha is not None:
            x = body.apply(Scale(by=self.alpha), x)
        *others, last = added
        for y in others:
            x = body.apply(Add(), x, y, name="x")
        x = body.apply(Add(), x, last, name="_" if self.place in _SUMS else "x")
        return self._normalised(body, x, first, *_SUMS, name="x")

    def _added(self, body: Body, x: str, branches: Branches) -> list[str]:
        """Return what each sub-layer adds."""
        is_alone = len(branches) == 1
        return [
            self._branch(body, inside, name, branches[name], "y" if is_alone else f"{name}_output")
            for name, inside in self._read(body, x, tuple(branches)).items()
        ]

    def _read(self, body: Body, x: str, names: tuple[str, ...]) -> dict[str, str]:
        """Return the value that each sub-layer reads of the stream."""
        if self.is_joint and len(names) > 1:
            joint = self._normalised(body, x, names[0], *_INPUTS, name="normalised")
            return dict.fromkeys(names, joint)
        return {name: self._normalised(body, x, name, *_INPUTS) for name in names}

    def _branch(
        self, body: Body, inside: str, sub_layer: str, others: tuple[str, ...], name: str
    ) -> str:
        """Return the value that a sub-layer adds to the stream."""
        y = body.invoke(sub_layer, inside, *others, name=name)
        if self.scale is None:
            y = self._normalised(body, y, f"{sub_layer}_output", *_OUTPUTS)
        else:  # a sum of several products would be longer than a line
            own = "_" if name == "y" else name
            y = self._normalised(body, y, f"{sub_layer}_output", *_OUTPUTS, name=own)
            y = body.apply(self.scale, y, part=f"{sub_layer}_scale", name=own)
        return body.apply(self.stochastic_depth, body.apply(self.dropout, y))

    def _normalised(self, body: Body, x: str, sub_layer: str, *places: str, name: str = "_") -> str:
        if self.norm is None or self.place not in places:
            return x
        return body.apply(self.norm, x, part=f"{sub_layer}_norm", name=name)


def lower_streams(stack: Stack) -> Hyperparameter | None:
    """Return the number of residual streams of a stack, if there are several."""
    return None if stack.residual is None else Hyperparameter("streams", stack.residual.streams)


def lower_residual(stack: Stack, group: LayerGroup, context: Context) -> Residual:
    """Return the residual connections of a layer of a stack."""
    settings = stack.norm
    return Residual(
        norm=lower_norm(settings, context),
        place=settings.place,
        scale=None
        if group.layer_scale is None
        else LayerScale(
            width=context.d_model, start=Hyperparameter("layer_scale", group.layer_scale)
        ),
        streams=lower_streams(stack),
        is_dynamic=stack.residual is not None and stack.residual.dynamic,
        width=context.d_model,
        dropout=Dropout(rate=Hyperparameter("dropout", group.dropout)),
        stochastic_depth=StochasticDepth(
            rate=Hyperparameter("stochastic_depth", group.stochastic_depth)
        ),
        alpha=context.deep_norm.alpha if context.deep_norm else None,
        is_joint=settings.joint is True,
        origin=context.origin(f"model.{context.stack}.norm"),
    )


def lower_norm(settings: Settings, context: Context) -> Norm | None:
    """The norm of the residual stream."""
    match settings.kind:
        case "layer_norm":
            bias = required(settings.bias)
            return LayerNorm(width=context.d_model, eps=_eps(settings), bias=bias)
        case "rms_norm":
            offset = required(settings.offset)
            return RMSNorm(width=context.d_model, eps=_eps(settings), offset=offset)
        case "none":
            return None
        case _:
            assert_never(settings.kind)


def _eps(settings: Settings) -> Hyperparameter:
    return Hyperparameter("norm_eps", required(settings.eps))
