"""`mask:` and `position:` of attentions: what tells them apart, and the tensors that say it."""

from dataclasses import dataclass, replace

from compiler.ir.build import Body
from compiler.ir.labels import labelled, labels
from compiler.lower.documents import document_positions
from compiler.lower.kinds import mask_word
from compiler.lower.relative_position import Bias, Distance, lower_relative_position
from compiler.lower.settings import Context
from compiler.mask.parse import parse
from compiler.ops.documents import WithinDocument
from compiler.ops.masking import MaskAnd, PaddingMask, PositionMask, Tokens
from compiler.ops.op import Predicate
from compiler.ops.shape import SOURCE, TARGET, Free
from compiler.spec.attention import Attention
from compiler.spec.model import LayerGroup, Stack

STREAMS = {"encoder": SOURCE, "decoder": TARGET}


def padding_mask(body: Body, stream: Free, name: str) -> str:
    """Make the mask of the tokens of a stream that are no padding."""
    tokens = body.apply(Tokens(stream=stream))
    return body.apply(PaddingMask(), tokens, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPlan:
    """The attentions of one name in a stack, and the labels of masks and positions that differ.

    `biases` are the labels of biases on scores, each of which holds a mask, too.
    """

    stack: str
    sub_layer: str
    masks: dict[str, str]
    positions: dict[Distance, str]
    biases: dict[tuple[str, Distance | None], str]

    @property
    def queries(self) -> Free:
        """Return the stream of the queries."""
        return STREAMS[self.stack]

    @property
    def keys(self) -> Free:
        """Return the stream of the keys."""
        return self.queries if self.sub_layer == "self_attention" else SOURCE

    def reads(self, mask: str) -> Predicate:
        """Return a mask as a function of the generated file."""
        place = self.stack if self.sub_layer == "self_attention" else "cross"
        return Predicate(place=place, label=self.masks[mask], mask=parse(mask))

    def position(self, group: LayerGroup) -> Distance | None:
        """Return what the attention of a group of layers knows of positions."""
        found = _position(self.stack, self.sub_layer, group)
        return None if found is None else replace(found, label=self.positions[found])

    def build(self, body: Body, mask: str, position: Distance | None, context: Context) -> str:
        """Make the fourth input of an attention: its mask, or a bias on scores that holds it."""
        reads = self.reads(mask)
        name = labelled(f"{self.keys.name}_mask", reads.label)
        is_last = not isinstance(position, Bias) or position.is_of_layers
        if context.apart:
            both = self._within_documents(body, reads, context, name if is_last else "_")
        else:
            both = self._pairs(body, reads, name if is_last else "_")
        if not isinstance(position, Bias):
            return both
        label = self.biases[mask, replace(position, label="")]
        return position.build(body, both, labelled(f"{self.keys.name}_bias", label), reads, context)

    def _pairs(self, body: Body, reads: Predicate, name: str) -> str:
        """Make the mask of what a query reads: real tokens that `reads` allows."""
        real = padding_mask(body, self.keys, "real")
        streams = (body.apply(Tokens(stream=each)) for each in (self.queries, self.keys))
        pairs = body.apply(PositionMask(reads=reads), *streams)
        return body.apply(MaskAnd(), real, pairs, name=name)

    def _within_documents(self, body: Body, reads: Predicate, context: Context, name: str) -> str:
        """Make the mask of what a query reads of its own document, none of it later.

        Where the mask counts from the beginning, it counts from that of the document.
        """
        pairs = (self._pairs(body, reads, "_"),) if reads.mask.is_relative else ()
        positions = document_positions(body, body.apply(Tokens(stream=self.keys)), context)
        own = body.at(context.origin("model.documents"))
        return own.apply(WithinDocument(reads=reads), positions, *pairs, name=name)


def plan_masks(settings: Stack, stack: str, sub_layer: str) -> MaskPlan:
    """Label the masks and positions of the attentions of one name in all layers of a stack."""
    attentions: list[Attention | None] = [getattr(each, sub_layer) for each in settings.layers]
    masks = [[each.mask for each in own.head_masks] if own else [] for own in attentions]
    positions = [_position(stack, sub_layer, group) for group in settings.layers]
    pairs = zip(masks, positions, strict=True)
    return MaskPlan(
        stack=stack,
        sub_layer=sub_layer,
        masks=labels((mask for own in masks for mask in own), mask_word),
        positions=labels(positions),
        biases=labels(
            ((mask, position) for own, position in pairs for mask in own),
            lambda each: mask_word(each[0]),
        ),
    )


def _position(stack: str, sub_layer: str, group: LayerGroup) -> Distance | None:
    if sub_layer != "self_attention" or group.self_attention is None:
        return None
    return lower_relative_position(group.position, group.self_attention, STREAMS[stack])
