"""Lowers `latent:` of an attention: narrow maps for queries and for keys and values."""

from dataclasses import dataclass

from compiler.ir.build import Body
from compiler.lower.relative_position import Distance, Rotary
from compiler.lower.settings import Context
from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, product
from compiler.ops.heads import JoinWidths, SplitHeads
from compiler.ops.latent import ExpandLatent
from compiler.ops.linear import Linear
from compiler.ops.norm import RMSNorm
from compiler.ops.op import Op
from compiler.spec.attention import Attention, LatentAttention

Parts = tuple[tuple[str, Op], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentMaps:
    """The maps of one attention to latents and from them; `memory` is the width of what keys read.

    The rotary part of each query and key stands last.
    """

    settings: Attention
    latent: LatentAttention
    context: Context
    heads: Hyperparameter
    d_k: Hyperparameter
    d_v: Hyperparameter
    memory: Hyperparameter

    @property
    def width(self) -> Hyperparameter:
        """Return the width of the latent of keys and values."""
        return Hyperparameter("latent_width", self.latent.keys_and_values)

    @property
    def rotary(self) -> Hyperparameter:
        """Return the width of the rotary part."""
        return Hyperparameter("latent_rotary", self.latent.rotary)

    @property
    def own(self) -> Expression:
        """Return the width of what a query or key has besides."""
        return Binary(self.d_k, "-", self.rotary)

    @property
    def query_latent(self) -> Hyperparameter | None:
        """Return the width of the latent of queries, if they have one."""
        width = self.latent.queries
        return None if width is None else Hyperparameter("query_latent", width)

    def norm(self, width: Hyperparameter) -> RMSNorm:
        """Return the norm of a latent."""
        return RMSNorm(width=width, eps=Hyperparameter("latent_eps", self.latent.eps), offset=False)

    def narrow(self, inputs: Hyperparameter, *outputs: tuple[str, Expression]) -> Linear:
        """Return the map to a latent."""
        initial = self.context.initials.query_key_value
        return Linear(inputs=inputs, outputs=outputs, bias=self.settings.bias, initial=initial)

    def to_query(self) -> Linear:
        """Return the map to queries, from their latent or from the stream."""
        return Linear(
            inputs=self.query_latent or self.context.d_model,
            outputs=(
                ("query", product(self.heads, self.own)),
                ("rotary", product(self.heads, self.rotary)),
            ),
            bias=False,
            initial=self.context.initials.query_key_value,
        )

    def to_latent(self) -> Linear:
        """Return the map to the latent of keys and values, and to the rotary part of keys."""
        return self.narrow(self.memory, ("latent", self.width), ("rotary", self.rotary))

    def expand(self) -> ExpandLatent:
        """Return the map from the latent to the keys and values of all heads."""
        return ExpandLatent(
            inputs=self.width,
            outputs=(
                ("key", product(self.heads, self.own)),
                ("value", product(self.heads, self.d_v)),
            ),
            bias=False,
            initial=self.context.initials.query_key_value,
            gains=self.context.gains("key", "value"),
            heads=self.heads,
            rotary=self.rotary,
            d_k=self.d_k,
            d_v=self.d_v,
        )

    def parts(self) -> Parts:
        """Return the attributes that hold the maps and the norms."""
        narrow: Parts = ()
        if (width := self.query_latent) is not None:
            to_latent = self.narrow(self.context.d_model, ("query", width))
            narrow = (("query_latent", to_latent), ("query_norm", self.norm(width)))
        return (
            *narrow,
            ("query", self.to_query()),
            ("latent", self.to_latent()),
            ("latent_norm", self.norm(self.width)),
            ("key_value", self.expand()),
        )

    def query(self, body: Body, x: str) -> tuple[str, str]:
        """Make the queries of a stream, and their rotary parts before these are turned."""
        if (width := self.query_latent) is not None:
            narrow = self.narrow(self.context.d_model, ("query", width))
            x = body.apply(narrow, x, part="query_latent")
            x = body.apply(self.norm(width), x, part="query_norm")
        projected = body.apply(self.to_query(), x, part="query")
        split = SplitHeads(heads=self.heads, widths=(self.own, self.rotary))
        query, turned = body.unpack(split, projected, names=("query", "turned"))
        return query, turned

    def latents(self, body: Body, x: str) -> tuple[str, str]:
        """Make the latents of a stream, and the rotary part of its keys before it is turned."""
        narrow = body.apply(self.to_latent(), x, part="latent")
        split = SplitHeads(heads=Const(1), widths=(self.width, self.rotary))
        latent, rotary = body.unpack(split, narrow, names=("latent", "rotary"))
        return body.apply(self.norm(self.width), latent, part="latent_norm", name="latent"), rotary

    def streams(
        self, body: Body, x: str, memory: str, position: Distance | None
    ) -> tuple[str, str, str]:
        """Make queries of `x`, and keys and values of `memory`, turned where positions do so."""
        query, turned = self.query(body, x)
        latent, rotary = self.latents(body, memory)
        if isinstance(position, Rotary):
            rotation = position.rotation(body, self.context)
            turned = position.rotate(body, turned, rotation, "turned")
            rotary = position.rotate(body, rotary, rotation, "rotary")
        query = body.apply(JoinWidths(width=self.d_k), query, turned, name="query")
        expand = self.expand()
        key, value = body.unpack(expand, latent, rotary, part="key_value", names=("key", "value"))
        return query, key, value


def latent_maps(
    settings: Attention,
    context: Context,
    widths: dict[str, Hyperparameter],
    memory: Hyperparameter,
) -> LatentMaps | None:
    """Return the maps to latents and from them, if an attention has some."""
    if settings.latent is None:
        return None
    return LatentMaps(
        settings=settings,
        latent=settings.latent,
        context=context,
        heads=Hyperparameter("heads", settings.heads),
        d_k=widths["key"],
        d_v=widths["value"],
        memory=memory,
    )
