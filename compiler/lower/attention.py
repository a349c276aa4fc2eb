"""Lowers `self_attention:` and `cross_attention:` to blocks (Vaswani et al. 2017, section 3.2)."""

from collections.abc import Callable
from dataclasses import dataclass

from compiler.ir.block import Block, Input
from compiler.ir.build import Body
from compiler.ir.labels import labelled
from compiler.lower.attention_words import PAPER, summary_of, words_of_heads, words_of_masks
from compiler.lower.head_groups import KINDS, HeadGroup, head_groups
from compiler.lower.kinds import attention_word
from compiler.lower.latent import latent_maps
from compiler.lower.masking import MaskPlan
from compiler.lower.relative_position import Bias, Distance, Rotary
from compiler.lower.settings import Context, required
from compiler.lower.temperature import lower_temperature
from compiler.lower.value_embedding import EmbeddedValues
from compiler.ops.attention import Attention
from compiler.ops.attention_gate import HeadGate, OutputGate
from compiler.ops.difference import Difference, DifferenceScale
from compiler.ops.expression import Expression, Hyperparameter, product
from compiler.ops.heads import DivideHeads, JoinHeads, MergeHeads, SplitGroups, SplitHeads
from compiler.ops.linear import Linear
from compiler.ops.norm import LayerNorm, RMSNorm
from compiler.ops.op import Op
from compiler.ops.shape import BATCH, SOURCE, TARGET
from compiler.spec.attention import Attention as Settings
from compiler.spec.attention import QueryKeyNorm
from compiler.spec.model import LayerGroup


def lower_self_attention(
    settings: Settings, plan: MaskPlan, group: LayerGroup, context: Context, place: str
) -> Block:
    """Lower an attention in which a stream reads itself."""
    place = f"{place}.self_attention"
    attention = _Attention.of(settings, plan, plan.position(group), context, place)
    body = Body(context.origin(f"{place}.mask"))
    parts: tuple[tuple[str, Op], ...]
    if (maps := latent_maps(settings, context, attention.widths, context.d_model)) is not None:
        query, key, value = maps.streams(body, "x", "x", attention.position)
        result, parts = attention.mix(body, "x", query, key, value), maps.parts()
    else:
        fused = body.apply(attention.linear(*KINDS), "x", part="query_key_value")
        query, key, value = body.unpack(attention.split(*KINDS), fused, names=KINDS)
        parts = (("query_key_value", attention.linear(*KINDS)), *attention.norm_parts())
        if (embedded := attention.embedded_values()) is not None:
            value, parts = embedded.add(body, value), (*parts, *embedded.parts())
        result = attention.attend(body, "x", query, key, value)
    x = Input(name="x", shape=(BATCH, plan.queries, context.d_model))
    name = f"{context.stack.capitalize()}SelfAttention"
    return Block(
        names=(name, f"{attention_word(settings)}{name}"),
        summary=summary_of(attention.groups, settings),
        parts=(
            *parts,
            *attention.sink_parts(),
            *attention.difference_parts(),
            *attention.gate_parts(),
            ("output", attention.output()),
            *attention.bias_parts(),
        ),
        functions=(body.function("forward", (x,), result),),
        origin=body.origin,
    )


def lower_cross_attention(
    settings: Settings, plan: MaskPlan, context: Context, place: str
) -> Block:
    """Lower an attention of queries from the target to the encoder's output."""
    place = f"{place}.cross_attention"
    attention = _Attention.of(settings, plan, None, context, place)
    body = Body(context.origin(f"{place}.mask"))
    parts: tuple[tuple[str, Op], ...]
    source = context.widths["encoder"]
    if (maps := latent_maps(settings, context, attention.widths, source)) is not None:
        query, key, value = maps.streams(body, "x", "memory", None)
        result, parts = attention.mix(body, "x", query, key, value), maps.parts()
    else:
        projected = body.apply(attention.linear("query"), "x", part="query")
        (query,) = body.unpack(attention.split("query"), projected, names=("query",))
        key_value = attention.linear("key", "value", inputs=context.widths["encoder"])
        fused = body.apply(key_value, "memory", part="key_value")
        key, value = body.unpack(attention.split("key", "value"), fused, names=("key", "value"))
        result = attention.attend(body, "x", query, key, value)
        query_part, others = ("query", attention.linear("query")), attention.norm_parts()
        parts = (query_part, ("key_value", key_value), *others)
    inputs = (
        Input(name="x", shape=(BATCH, TARGET, context.d_model)),
        Input(name="memory", shape=(BATCH, SOURCE, context.widths["encoder"])),
    )
    return Block(
        names=("CrossAttention", f"{attention_word(settings)}CrossAttention"),
        summary=f"Attention to the encoder's output ({PAPER}), {words_of_heads(settings)}"
        f"{words_of_masks(attention.groups)}.",
        parts=(
            *parts,
            *attention.sink_parts(),
            *attention.difference_parts(),
            *attention.gate_parts(),
            ("output", attention.output()),
        ),
        functions=(body.function("forward", inputs, result),),
        origin=body.origin,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attention:
    """The numbers of one attention under their names, and the ops made of them."""

    settings: Settings
    context: Context
    place: str
    heads: dict[str, Hyperparameter]
    widths: dict[str, Hyperparameter]
    groups: tuple[HeadGroup, ...]
    plan: MaskPlan
    position: Distance | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        plan: MaskPlan,
        position: Distance | None,
        context: Context,
        place: str,
    ) -> "_Attention":
        d_k, d_v = (
            Hyperparameter("d_k", required(settings.d_k)),
            Hyperparameter("d_v", required(settings.d_v)),
        )
        heads = kv_heads = Hyperparameter("heads", settings.heads)
        if settings.kv_heads != settings.heads:
            kv_heads = Hyperparameter("kv_heads", required(settings.kv_heads))
        by_kind = {"query": heads, "key": kv_heads, "value": kv_heads, "output": heads}
        if settings.differential:
            maps = {heads: "maps", kv_heads: "kv_maps" if kv_heads != heads else "maps"}
            twice = {each: Hyperparameter(name, 2 * each.value) for each, name in maps.items()}
            by_kind |= {"query": twice[heads], "key": twice[kv_heads]}
        return cls(
            settings=settings,
            context=context,
            place=place,
            heads=by_kind,
            widths={"query": d_k, "key": d_k, "value": d_v},
            groups=head_groups(settings, plan, by_kind),
            plan=plan,
            position=position,
        )

    def bias_parts(self) -> tuple[tuple[str, Op], ...]:
        """Return the table of a learned bias, which layers share where it is hoisted."""
        if not isinstance(self.position, Bias):
            return ()
        op = self.position.op(self.groups[0].reads, self.context)
        return ((self.position.table(op), op),) if op.parameters() else ()

    def linear(self, *kinds: str, inputs: Hyperparameter | None = None) -> Linear:
        """From the stack's own stream, or from one of another width."""
        return Linear(
            inputs=inputs or self.context.d_model,
            outputs=tuple((kind, product(self.heads[kind], self.widths[kind])) for kind in kinds),
            bias=self.settings.bias,
            initial=self.context.initials.query_key_value,
            gains=self.context.gains(*kinds),
        )

    def output(self) -> Linear:
        return Linear(
            inputs=product(self.heads["output"], self.widths["value"]),
            outputs=(("output", self.context.d_model),),
            bias=required(self.settings.output_bias),
            initial=self.context.initials.matrix,
            gains=self.context.gains("output"),
        )

    def split(self, *kinds: str) -> SplitHeads | SplitGroups:
        heads, widths = ([by_kind[kind] for kind in kinds] for by_kind in (self.heads, self.widths))
        if len(set(heads)) > 1:
            return SplitGroups(parts=tuple(zip(heads, widths, strict=True)))
        return SplitHeads(heads=heads[0], widths=tuple(widths))

    def embedded_values(self) -> EmbeddedValues | None:
        """Return the values of tokens beside those of this attention, if it has some."""
        if not self.settings.value_embedding:
            return None
        heads, width = self.heads["value"], self.widths["value"]
        return EmbeddedValues(
            stream=self.plan.queries, heads=heads, width=width, context=self.context
        )

    def norms(self) -> dict[str, LayerNorm | RMSNorm]:
        """The norms of queries and of keys, head by head or over all heads."""
        settings = self.settings.query_key_norm
        if settings is None:
            return {}
        return {kind: self._norm(settings, kind) for kind in ("query", "key")}

    def norm_parts(self) -> tuple[tuple[str, LayerNorm | RMSNorm], ...]:
        """The attributes that hold them."""
        return tuple((f"{kind}_norm", norm) for kind, norm in self.norms().items())

    def _norm(self, settings: QueryKeyNorm, kind: str) -> LayerNorm | RMSNorm:
        eps, width = (
            Hyperparameter("query_key_eps", settings.eps),
            self._normalised_width(settings, kind),
        )
        if settings.kind == "layer_norm":
            return LayerNorm(width=width, eps=eps, bias=True)
        return RMSNorm(width=width, eps=eps, offset=False)

    def _normalised_width(self, settings: QueryKeyNorm, kind: str) -> Expression:
        heads, width = self.heads[kind], self.widths[kind]
        return width if settings.over == "head" else product(heads, width)

    def normalised(self, body: Body, x: str, kind: str) -> str:
        """A query or key with its norm, if it has one."""
        norm, heads, width = self.norms().get(kind), self.heads[kind], self.widths[kind]
        if norm is None:
            return x
        if norm.width == width:
            return body.apply(norm, x, part=f"{kind}_norm", name=kind)
        merged = body.apply(MergeHeads(heads=heads, width=width), x)
        merged = body.apply(norm, merged, part=f"{kind}_norm")
        (x,) = body.unpack(SplitHeads(heads=heads, widths=(width,)), merged, names=(kind,))
        return x

    def compared(self, body: Body, query: str, key: str) -> tuple[str, str]:
        """Return a query and a key as their product takes them: normalised and turned."""
        norm, streams = self.settings.query_key_norm, {"query": query, "key": key}
        steps = [self.normalised, *self.rotations(body)]
        if norm is not None and norm.place == "after_rotation":
            steps.reverse()
        for step in steps:
            streams = {kind: step(body, x, kind) for kind, x in streams.items()}
        return streams["query"], streams["key"]

    def rotations(self, body: Body) -> tuple[Callable[[Body, str, str], str], ...]:
        """The rotation of a query or key, if positions turn them."""
        position = self.position
        if not isinstance(position, Rotary):
            return ()
        rotation = position.rotation(body, self.context)
        return (lambda own, x, kind: position.rotate(own, x, rotation, kind),)

    def attend(self, body: Body, x: str, query: str, key: str, value: str) -> str:
        query, key = self.compared(body, query, key)
        return self.mix(body, x, query, key, value)

    def mix(self, body: Body, x: str, query: str, key: str, value: str) -> str:
        """Return what the heads read, merged."""
        query = lower_temperature(body, query, self.settings.temperature, self.plan, self.context)
        mixed = self.mixed(body, query, key, value)
        if self.settings.differential:
            mixed = body.apply(self.difference(), mixed, part="difference")
            mixed = body.apply(self.head_norm(), mixed, part="head_norm")
            mixed = body.apply(DifferenceScale(layer_number=self.layer_number), mixed)
        if self.settings.output_gate == "head":
            mixed = body.apply(HeadGate(), mixed, self.gated(body, x))
        merged = body.apply(
            MergeHeads(heads=self.heads["output"], width=self.widths["value"]), mixed
        )
        if self.settings.output_gate == "element":
            merged = body.apply(OutputGate(), merged, self.gated(body, x))
        return body.apply(self.output(), merged, part="output")

    def gated(self, body: Body, x: str) -> str:
        """The gate before its sigmoid."""
        return body.apply(self.gate(), x, part="gate")

    def gate(self) -> Linear:
        """From the stack's own stream to a number for each head, or for each of its elements."""
        heads, is_whole = self.heads["output"], self.settings.output_gate == "head"
        width = heads if is_whole else product(heads, self.widths["value"])
        return Linear(
            inputs=self.context.d_model,
            outputs=(("gate", width),),
            bias=self.settings.bias,
            initial=self.context.initials.matrix,
        )

    @property
    def layer_number(self) -> Hyperparameter:
        """The number of the layer, counted from 1."""
        return Hyperparameter("layer_number", self.context.layer_number)

    def difference(self) -> Difference:
        """The op that takes the second maps of the heads from the first."""
        return Difference(
            heads=self.heads["output"], width=self.widths["query"], layer_number=self.layer_number
        )

    def head_norm(self) -> RMSNorm:
        """The norm of each head after that."""
        eps = Hyperparameter("head_norm_eps", 1e-5)
        return RMSNorm(width=self.widths["value"], eps=eps, offset=False)

    def difference_parts(self) -> tuple[tuple[str, Op], ...]:
        """The attributes that hold both, if there are two maps."""
        parts: tuple[tuple[str, Op], ...] = (
            ("difference", self.difference()),
            ("head_norm", self.head_norm()),
        )
        return parts if self.settings.differential else ()

    def gate_parts(self) -> tuple[tuple[str, Op], ...]:
        """The attribute that holds the gate, if there is one."""
        return () if self.settings.output_gate is None else (("gate", self.gate()),)

    def mixed(self, body: Body, *streams: str) -> str:
        """The values that all heads read, those of groups one after the other."""
        if len(self.groups) == 1:
            return self.read(body, self.groups[0], *streams)
        parts = [
            body.unpack(
                DivideHeads(heads=tuple(group.heads[kind] for group in self.groups)),
                stream,
                names=tuple(labelled(kind, group.label) for group in self.groups),
            )
            for kind, stream in zip(KINDS, streams, strict=True)
        ]
        read = [self.read(body, *each) for each in zip(self.groups, *parts, strict=True)]
        return body.apply(JoinHeads(heads=self.heads["query"]), *read)

    def read(self, body: Body, group: HeadGroup, query: str, key: str, value: str) -> str:
        """The values that the heads of one group read."""
        attention = self.of_group(group)
        own = body.at(self.context.origin(f"{self.place}.{group.setting}"))
        mask = self.plan.build(own, group.text, self.position, self.context)
        name, part = labelled("mixed", group.label), self.sinks(group) if attention.sinks else ""
        return own.apply(attention, query, key, value, mask, part=part, name=name)

    def sinks(self, group: HeadGroup) -> str:
        """The attribute that holds the scores of a group for reading nothing."""
        return labelled("sinks", group.label)

    def sink_parts(self) -> tuple[tuple[str, Op], ...]:
        """These attributes, if there are such scores."""
        parts = tuple((self.sinks(group), self.of_group(group)) for group in self.groups)
        return parts if self.settings.sinks else ()

    def of_group(self, group: HeadGroup) -> Attention:
        """The attention of the heads of one group."""
        return Attention(
            reads=group.reads,
            heads=group.heads["query"],
            label=group.label,
            kv_heads=group.heads["key"],
            d_k=self.widths["key"],
            d_v=self.widths["value"],
            value_heads=group.heads["value"] if self.settings.differential else None,
            dropout=_number("attention_dropout", self.settings.dropout or None),
            scale=_number("attention_scale", self.settings.scale),
            soft_cap=_number("score_cap", self.settings.soft_cap),
            biased=isinstance(self.position, Bias),
            prefers_flex=self.context.prefers_flex and self.plan.sub_layer == "self_attention",
            apart=self.context.apart,
            sinks=self.settings.sinks,
        )


def _number(name: str, value: float | None) -> Hyperparameter | None:
    return None if value is None else Hyperparameter(name, value)
