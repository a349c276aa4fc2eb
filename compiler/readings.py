"""Where positions meet: the terms of Table 1 (Vaswani et al. 2017) for each mask of a network."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from compiler.analysis.receptive_field import ReceptiveField, receptive_field
from compiler.ir.block import Block, Repeat
from compiler.ops.attention import Attention, LocalAttention
from compiler.ops.convolution import Convolution, DepthwiseConvolution, GatedConvolution
from compiler.ops.recurrence import Recurrence
from compiler.spec.model import LayerGroup, Model, Stack
from compiler.spec.tasks import ATTENTIONS
from compiler.transforms.derive_weights import attentions

LONGEST_FIELD = 1025
CROSS = "cross_attention"
MIXERS = ("recurrence", "convolution")
LONGEST_TEXT = 2**20

Reader = Attention | Recurrence | Convolution
"""An op that lets positions meet."""
Step = dict[str, tuple[Reader, ...]]
"""Sub-layers side by side, by their places: a position reads all that any of them lets it read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One place where positions meet, in the terms of Table 1 (Vaswani et al. 2017).

    `complexity` is of a layer, n and m positions of width d; `sequential` are the operations that
    wait for each other; `fields` are the positions that one has read after each such sub-layer, all
    those before it counted, in a stream of `length`; `path` is the longest way between two.
    """

    place: str
    mask: str
    complexity: str
    sequential: str
    path: str
    length: int
    fields: tuple[int, ...]


def readings(model: Block, settings: Model, length: int) -> Iterator[Reading]:
    """Of each mask in each place where positions meet, through all layers of its stack."""
    for name, stack in settings.stacks():
        block = model.part(name)
        assert isinstance(block, Block)
        steps = list(_steps(block, stack))
        for place in (*ATTENTIONS, *MIXERS):
            ops = [op for step in steps for op in step.get(place, ())]
            kinds = {(each.mask, _complexity(place, each)): each for each in reversed(ops)}
            for op in kinds.values():
                yield _reading(name, place, op, steps, length)


def _steps(block: Block, stack: Stack) -> Iterator[Step]:
    """The sub-layers of all layers, one after the other; those without readers are left out."""
    layers = [part for _, part in block.parts if isinstance(part, Repeat)]
    for layer, group in zip(layers, stack.layers, strict=True):
        steps = [step for step in _steps_of(layer.block, group) if step]
        for _ in range(int(layer.count.value)):
            yield from steps


def _steps_of(layer: Block, group: LayerGroup) -> Iterator[Step]:
    counts = Counter[str]()
    for each in group.block:
        step: Step = {}
        for kind in [each] if isinstance(each, str) else each:
            counts[kind] += 1
            part = layer.part(kind if counts[kind] == 1 else f"{kind}_{counts[kind]}")
            assert isinstance(part, Block)
            step[kind] = (*step.get(kind, ()), *_readers(part, kind))
        yield {kind: ops for kind, ops in step.items() if ops}


def _readers(part: Block, kind: str) -> tuple[Reader, ...]:
    """What lets positions meet: of an attention several, where groups of heads have their own."""
    if kind in ATTENTIONS:
        ((_, ops),) = attentions(part).values()
        return tuple(ops)
    op = dict(part.parts).get(kind)
    return (op,) if isinstance(op, Recurrence | Convolution) else ()


def _reading(stack: str, place: str, op: Reader, steps: list[Step], length: int) -> Reading:
    read: list[Step] = [{place: (op,)}] if place == CROSS else _without(CROSS, steps)
    field = _field(read, length)
    is_recurrent = isinstance(op, Recurrence)
    return Reading(
        place=f"{stack}.{place}",
        mask=op.mask.text,
        complexity=_complexity(place, op),
        sequential="n" if is_recurrent else "1",
        path="n" if is_recurrent else "1" if place == CROSS else _path(read, length),
        length=field.length,
        fields=tuple(
            positions
            for positions, step in zip(field.positions, read, strict=True)
            if any(each.mask == op.mask for each in step.get(place, ()))
        ),
    )


def _without(place: str, steps: list[Step]) -> list[Step]:
    """The steps that are left when no sub-layer of a place counts."""
    rest = ({kind: step[kind] for kind in step if kind != place} for step in steps)
    return [step for step in rest if step]


def _field(steps: list[Step], length: int) -> ReceptiveField:
    """After each of the steps, at a length that shows the edges of the masks."""
    masks = [[op.mask for ops in step.values() for op in ops] for step in steps]
    edges = (edge for each in masks for mask in each for edge in mask.numbers)
    longest = max((2 * edge + 1 for edge in edges), default=0)
    either = [reduce(or_, each) for each in masks]
    return receptive_field(either, min(max(length, longest), LONGEST_FIELD))


def _path(steps: list[Step], length: int) -> str:
    """In steps of constant time, which a recurrence is not. A stack may have too few of them."""
    field = _field(_without("recurrence", steps), length)
    return str(field.path) if field.is_connected else "none"


def _complexity(place: str, op: Reader) -> str:
    """What a layer costs as texts grow."""
    match op:
        case GatedConvolution():
            return f"{op.width.value} n d^2"
        case DepthwiseConvolution():
            return f"{op.width.value} n d + n d^2"
        case LocalAttention():
            return f"{op.keys_read(LONGEST_TEXT)} n d"
        case Attention():
            return "n m d" if place == CROSS else "n^2 d"
        case _:
            return "n d^2"
