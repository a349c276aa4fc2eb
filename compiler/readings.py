"""Where positions meet: the terms of Table 1 (Vaswani et al. 2017) for each mask of a network."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from compiler.ir.block import Block, Repeat, children
from compiler.mask.mask import Mask
from compiler.ops.attention import Attention, LocalAttention
from compiler.ops.convolution import Convolution, DepthwiseConvolution, GatedConvolution
from compiler.ops.op import Op
from compiler.ops.recurrence import Recurrence
from compiler.passes.derive_weights import attentions
from compiler.passes.receptive_field import ReceptiveField, receptive_field
from compiler.spec.anatomy import ATTENTIONS

LONGEST_FIELD = 1025
CROSS = "cross_attention"
MIXERS = ("recurrence", "convolution")
LONGEST_TEXT = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One place where positions meet, in the terms of Table 1 (Vaswani et al. 2017).

    `complexity` is of a layer, n and m positions of width d; `sequential` are the operations that
    wait for each other; `fields` are the positions that one has read after each layer, in a stream
    of `length`; `path` is the longest way between two.
    """

    place: str
    mask: str
    complexity: str
    sequential: str
    path: str
    length: int
    fields: tuple[int, ...]


def readings(model: Block, length: int) -> Iterator[Reading]:
    """Of each mask in each place of attention, through all layers of its stack."""
    for stack, block, _ in children(model):
        layers = [layer for _, layer, count in children(block) for _ in range(count)]
        for place in ATTENTIONS:
            below = [layer.part(place) for layer in layers if place in dict(layer.parts)]
            found = [_ops(each) for each in below if isinstance(each, Block)]
            ops = [op for each in found for op in each]
            for op in {each.mask: each for each in reversed(ops)}.values():
                yield _reading(f"{stack}.{place}", op, found, length)
        for place in MIXERS:
            below = [layer.part(place) for layer in layers if place in dict(layer.parts)]
            mixers = [each.part(place) for each in below if isinstance(each, Block)]
            yield from _readings_of_mixers(f"{stack}.{place}", mixers, length)


def _readings_of_mixers(
    place: str, parts: list[Op | Repeat | Block], length: int
) -> Iterator[Reading]:
    """Of each form of recurrence or convolution in one place."""
    ops = [each for each in parts if isinstance(each, Recurrence | Convolution)]
    for op in {_cost_words(each): each for each in reversed(ops)}.values():
        field, fields = _field(op.mask, [(each.mask,) for each in ops], length)
        is_recurrent = isinstance(op, Recurrence)
        yield Reading(
            place=place,
            mask=op.mask.text,
            complexity=_cost_words(op),
            sequential="n" if is_recurrent else "1",
            path="n" if is_recurrent else _path(field),
            length=field.length,
            fields=fields,
        )


def _cost_words(op: Recurrence | Convolution) -> str:
    """What a layer costs as texts grow; k in the table is the width."""
    match op:
        case GatedConvolution():
            return f"{op.width.value} n d^2"
        case DepthwiseConvolution():
            return f"{op.width.value} n d + n d^2"
        case _:
            return "n d^2"


def _ops(attention: Block) -> tuple[Attention, ...]:
    """Those of one layer, of groups of heads if there are several."""
    ((_, ops),) = attentions(attention).values()
    return ops


def _reading(
    place: str, op: Attention, layers: list[tuple[Attention, ...]], length: int
) -> Reading:
    is_cross = place.endswith(CROSS)
    masks = [tuple(each.mask for each in ops) for ops in ([(op,)] if is_cross else layers)]
    field, fields = _field(op.mask, masks, length)
    return Reading(
        place=place,
        mask=op.mask.text,
        complexity=_complexity(op, is_cross=is_cross),
        sequential="1",
        path="1" if is_cross else _path(field),
        length=field.length,
        fields=fields,
    )


def _field(
    mask: Mask, layers: list[tuple[Mask, ...]], length: int
) -> tuple[ReceptiveField, tuple[int, ...]]:
    """That of layers with these masks, and what is seen after those that have the first.

    At a length that shows the edges of the masks.
    """
    edges = [edge for masks in layers for each in masks for edge in each.numbers]
    longest = max((2 * edge + 1 for edge in edges), default=0)
    either = [reduce(or_, masks) for masks in layers]
    field = receptive_field(either, min(max(length, longest), LONGEST_FIELD))
    seen = zip(field.positions, layers, strict=True)
    return field, tuple(positions for positions, masks in seen if mask in masks)


def _complexity(op: Attention, *, is_cross: bool) -> str:
    """What a layer costs as texts grow."""
    if isinstance(op, LocalAttention):
        return f"{op.keys_read(LONGEST_TEXT)} n d"
    return "n m d" if is_cross else "n^2 d"


def _path(field: ReceptiveField) -> str:
    """A stack may have fewer layers; then two positions may have no path at all."""
    return str(field.path) if field.is_connected else "none"
