"""`mask:` to what each attention is told of it: a tensor from outside, a keyword, or a function."""

from dataclasses import dataclass, replace
from typing import Any

from compiler.ir.block import Input
from compiler.ir.build import Body
from compiler.ir.labels import labelled, labels
from compiler.lower.kinds import mask_word
from compiler.lower.padding import Padding, padding_of, reads_ahead
from compiler.lower.relative_position import Bias, Distance, Rotary, lower_relative_position
from compiler.lower.settings import Context
from compiler.mask.mask import ALL, CAUSAL
from compiler.mask.parse import parse
from compiler.ops import attention as ops
from compiler.ops.attention import (
    CausalAttention,
    DenseAttention,
    FlexAttention,
    LocalAttention,
    LocalBounds,
    local_bounds,
)
from compiler.ops.attention_bias import ScoreBias
from compiler.ops.expression import Const
from compiler.ops.masking import FlexMask, MaskAnd, PaddingMask, PositionMask
from compiler.ops.op import Predicate
from compiler.ops.shape import BATCH, SOURCE, TARGET, Dimension, Free, Shape
from compiler.spec.model import LayerGroup, Model
from compiler.spec.sub_layer import Attention
from compiler.spec.tasks import ATTENTIONS

STREAMS = {"encoder": SOURCE, "decoder": TARGET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """The mask of one place: whose queries read whose keys, and the tensor that says so, if any."""

    reads: Predicate
    queries: Free
    keys: Free
    value: str
    prefers_flex: bool = False
    is_capped: bool = False
    rotary: Rotary | None = None
    bias: Bias | None = None
    score: ScoreBias | None = None

    @property
    def is_within(self) -> bool:
        """Whether a stream reads itself."""
        return self.queries == self.keys

    @property
    def needs_real(self) -> bool:
        """Whether it must be told of padding, which comes last: not where nothing later is read."""
        reach = self.reads.mask.dependence
        return not self.is_within or (reach is not None and reach.high > 0)

    @property
    def is_flex(self) -> bool:
        """Whether blocks are left out by FlexAttention, which knows no end of a stream."""
        return self.prefers_flex and not self.reads.mask.needs_length and self.bias is None

    @property
    def local(self) -> LocalBounds | None:
        """The chunks of the local form, where that is possible."""
        plain = not self.reads.mask.needs_length and self.bias is None and not self.is_capped
        return local_bounds(self.reads.mask) if plain and self.is_within else None

    @property
    def needs_positions(self) -> bool:
        """Whether a tensor says which positions are read."""
        told = self.is_within and self.reads.mask == CAUSAL and self.bias is None
        return not told and self.reads.mask != ALL and self.local is None

    def inputs(self) -> tuple[Input, ...]:
        """What layers get: angles of positions; and the tensor, the blocks or the bias."""
        return (*((self.rotary.input,) if self.rotary else ()), *self.told())

    def told(self) -> tuple[Input, ...]:
        """The parameter by which layers get the tensor, the blocks or the bias."""
        if self.is_flex:
            return (Input(name=self.value, annotation="BlockMask | Tensor"),)
        if not (self.needs_real or self.needs_positions or self.bias):
            return ()
        is_full = self.needs_positions or self.bias is not None
        rows: Shape = (self.queries if is_full else Const(1), self.keys)
        if self.needs_real or self.reads.mask.needs_length:
            return (Input(name=self.value, shape=(BATCH, self.heads, *rows)),)
        heads = (self.bias.heads,) if self.bias else ()
        return (Input(name=self.value, shape=(*heads, *rows)),)

    @property
    def heads(self) -> Dimension:
        """Those that the tensor tells apart."""
        return self.bias.heads if self.bias else Const(1)

    def build(self, name: str, body: Body, *, is_used_once: bool = False) -> str:
        """One of the inputs, made once for all layers."""
        if self.rotary and name == self.rotary.input.name:
            return self.rotary.build(body)
        if self.is_flex:
            return body.apply(FlexMask(reads=self.reads), self.keys.name, name=self.value)
        if self.bias is None or self.score is None:
            return self.mask(body, "_" if is_used_once else self.value)
        masks = [self.mask(body, "_")] if self.needs_positions or self.needs_real else []
        return self.bias.build(body, masks, self.value, self.score)

    def mask(self, body: Body, name: str) -> str:
        """The truth about each pair, or about each key."""
        queries, keys = self.queries.name, self.keys.name
        if not self.needs_positions:
            return body.apply(PaddingMask(), keys, name=name)
        positions = PositionMask(reads=self.reads)
        if not self.needs_real:
            return body.apply(positions, queries, keys, name=name)
        own = self.value.replace(f"{keys}_mask", "real").replace(f"{keys}_bias", "real")
        real = body.apply(PaddingMask(), keys, name=own)
        return body.apply(MaskAnd(), real, body.apply(positions, queries, keys), name=name)

    def attention(self, **numbers: Any) -> ops.Attention:
        """The op, in the form that suits the mask best."""
        if self.bias is not None:
            return DenseAttention(reads=self.reads, biased=True, **numbers)
        if self.is_flex:
            return FlexAttention(reads=self.reads, **numbers)
        if self.local is not None:
            return LocalAttention(reads=self.reads, bounds=self.local, **numbers)
        is_causal = self.is_within and self.reads.mask == CAUSAL
        return (CausalAttention if is_causal else DenseAttention)(reads=self.reads, **numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maskings:
    """Those of the attentions of a model: by stack and sub-layer, for each group of layers.

    There is one for each group of heads, and none where the layers have no such sub-layer.
    `ahead`: the stacks with layers that read ahead without attention.
    """

    places: dict[tuple[str, str], tuple[tuple[Masking, ...], ...]]
    ahead: frozenset[str]

    def of(self, stack: str, sub_layer: str, group: int) -> tuple[Masking, ...]:
        """Those of one place, one for each group of heads."""
        return self.places[stack, sub_layer][group]

    def told(self, stack: str) -> tuple[Input, ...]:
        """What the layers of a stack must be given, each tensor once."""
        return tuple(self._makers(stack))

    def build(self, stack: str, body: Body) -> list[str]:
        """The tensors of `told`, in its order."""
        makers = self._makers(stack)
        is_alone = len(makers) == 1 and stack == "encoder"
        return [
            masking.build(each.name, body, is_used_once=is_alone and not masking.needs_positions)
            for each, masking in makers.items()
        ]

    def tables(self) -> dict[str, ScoreBias]:
        """What is learned of distances, by the attributes of the model that hold it."""
        every = (each for place in self.places.values() for heads in place for each in heads)
        return {
            each.bias.table(each.score): each.score
            for each in every
            if each.bias and each.score and each.score.parameters()
        }

    def padding(self, stack: str) -> Padding:
        """What tells real positions from padding."""
        return padding_of(STREAMS[stack], list(self._of_attentions(stack)))

    def _makers(self, stack: str) -> dict[Input, Masking | Padding]:
        found: dict[Input, Masking | Padding] = {**self._of_attentions(stack)}
        if stack in self.ahead:
            padding = self.padding(stack)
            found.setdefault(padding.input, padding)
        return found

    def _of_attentions(self, stack: str) -> dict[Input, Masking]:
        layers = [each for sub_layer in ATTENTIONS for each in self.places[stack, sub_layer]]
        found: dict[Input, Masking] = {}
        for masking in (each for heads in layers for each in heads):
            for each in masking.inputs():
                found.setdefault(each, masking)
        return found


def lower_masks(model: Model, contexts: dict[str, Context]) -> Maskings:
    """From the settings of each place."""
    places = {}
    for stack, settings in model.stacks():
        for sub_layer in ATTENTIONS:
            flex = model.kernel == "flex" and sub_layer == "self_attention"
            context = contexts[stack]
            place = _Place(stack=stack, sub_layer=sub_layer, flex=flex, context=context)
            places[stack, sub_layer] = place.maskings(settings.layers)
    ahead = (name for name, stack in model.stacks() if any(map(reads_ahead, stack.layers)))
    return Maskings(places=places, ahead=frozenset(ahead))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The attentions of one name in all layers of a stack."""

    stack: str
    sub_layer: str
    flex: bool
    context: Context

    def maskings(self, groups: list[LayerGroup]) -> tuple[tuple[Masking, ...], ...]:
        """Those of each group; masks and distances that differ are told apart by labels."""
        attentions: list[Attention | None] = [getattr(group, self.sub_layer) for group in groups]
        known = [self.distance(group) for group in groups]
        masks = labels((mask for each in attentions for mask in _masks(each)), mask_word)
        distances = labels(known)
        pairs = [*zip(attentions, known, strict=True)]
        both = labels(
            ((mask, distance) for each, distance in pairs for mask in _masks(each)),
            lambda each: mask_word(each[0]),
        )

        def masking(attention: Attention, mask: str, distance: Distance | None) -> Masking:
            plain = self.plain(attention, mask, masks[mask])
            if distance is None:
                return plain
            own = replace(distance, label=distances[distance])
            return self.with_distance(plain, own, both[mask, distance])

        return tuple(
            tuple(masking(attention, each.mask, distance) for each in attention.head_masks)
            if attention
            else ()
            for attention, distance in pairs
        )

    def distance(self, group: LayerGroup) -> Distance | None:
        """What self-attention knows of distances."""
        if self.sub_layer == "cross_attention" or group.self_attention is None:
            return None
        return lower_relative_position(group.position, group.self_attention, STREAMS[self.stack])

    def plain(self, attention: Attention, mask: str, label: str) -> Masking:
        """Of the mask alone."""
        is_within = self.sub_layer == "self_attention"
        keys = STREAMS[self.stack] if is_within else SOURCE
        place = self.stack if is_within else "cross"
        plain = Masking(
            reads=Predicate(place=place, label=label, mask=parse(mask)),
            queries=STREAMS[self.stack],
            keys=keys,
            value=f"{keys.name}_mask",
            prefers_flex=self.flex,
            is_capped=attention.soft_cap is not None,
        )
        is_own = plain.needs_positions or plain.is_flex
        return replace(plain, value=labelled(plain.value, label)) if is_own else plain

    def with_distance(self, plain: Masking, distance: Distance, label: str) -> Masking:
        """Adds a bias, which holds the mask, too, and so has a label for the two together."""
        if isinstance(distance, Rotary):
            return replace(plain, rotary=distance)
        score = distance.op(plain.reads, self.context)
        value = labelled(f"{plain.keys.name}_bias", label)
        return replace(plain, bias=distance, score=score, value=value)


def _masks(attention: Attention | None) -> tuple[str, ...]:
    """Return the masks of the heads of an attention, if there is one."""
    return tuple(each.mask for each in attention.head_masks) if attention else ()
