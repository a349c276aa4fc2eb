"""What a model is made of and what it costs, part by part: the table of `specformer explain`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, children
from compiler.mask.interval import HERE
from compiler.mask.mask import Mask
from compiler.ops.attention import Attention, LocalAttention
from compiler.ops.convolution import Convolution, DepthwiseConvolution, GatedConvolution
from compiler.ops.op import Op
from compiler.ops.recurrence import Recurrence
from compiler.ops.shape import Lengths, Shape, elements, words
from compiler.passes.derive_weights import attentions
from compiler.passes.infer_shapes import output_shapes, shapes_of
from compiler.passes.measure import (
    call_lengths,
    cost_of,
    count_parameters,
    parameters_of,
    statement_cost,
)
from compiler.passes.reach import reach_of
from compiler.passes.receptive_field import ReceptiveField, receptive_field
from compiler.pipeline import CompiledPackage
from compiler.spec.optimizer import Adafactor, Sgd
from compiler.spec.training import Training

FLOAT_BYTES = 4
BACKWARD = 2
LOSS_COPIES = 3
LONGEST_FIELD = 1025
CROSS = "cross_attention"
ATTENTIONS = ("self_attention", CROSS)
MIXERS = ("recurrence", "convolution")
LONGEST_TEXT = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One part of the network, `times` of it: parameters and operations are of all together.

    `reach` is the hull over all that it reads, relative to its own position.
    """

    part: str
    times: int
    shape: str
    parameters: int
    flops_per_token: int
    reach: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The parts and the totals.

    `flops_per_token`: forward, for a source and a target token each, in sentences of `length`.
    `flops_per_update`: forward and backward, for `batch_tokens` target tokens.
    `reach`: the offsets at which an output reads `stream`, the target where there is one.
    `memory_bytes`: weights, their gradients, means and average, what the backward pass keeps of one
    micro-batch, and its logits, log-probabilities and their gradients, in float32.
    """

    name: str
    rows: tuple[Row, ...]
    readings: tuple[Reading, ...]
    parameters: int
    length: int
    flops_per_token: int
    batch_tokens: int
    flops_per_update: int
    memory_bytes: int
    stream: str
    reach: str


def explain(package: CompiledPackage, length: int) -> Explanation:
    """The table of a compiled spec, for sentences of `length` tokens on both sides."""
    model, training = package.model, package.spec.training
    forward = model.function("forward")
    lengths = {"batch": 1, "source": length, "target": length}
    sentences = max(1, training.micro_batch_tokens // length)
    kept = cost_of(model, forward, {**lengths, "batch": sentences}).kept
    (logits,) = output_shapes(model, forward)
    kept += LOSS_COPIES * elements(logits, {**lengths, "batch": sentences})
    per_token = flops_per_token(model, length)
    parameters = count_parameters(model)
    return Explanation(
        name=package.spec.name,
        rows=_merged(_rows(model, forward, lengths, "", 1, length)),
        readings=tuple(_readings(model, length)),
        parameters=parameters,
        length=length,
        flops_per_token=per_token,
        batch_tokens=training.batch_tokens,
        flops_per_update=flops_per_update(model, training, length),
        memory_bytes=FLOAT_BYTES * (_kept_of_a_weight(training) * parameters + kept),
        stream=forward.inputs[-1].name,
        reach=str(reach_of(model, forward)[forward.inputs[-1].name]),
    )


def flops_per_token(model: Block, length: int) -> int:
    """Forward, for a token on each side, in sentences of `length`."""
    lengths = {"batch": 1, "source": length, "target": length}
    return cost_of(model, model.function("forward"), lengths).flops // length


def flops_per_update(model: Block, training: Training, length: int) -> int:
    """Forward and backward, for a batch of the recipe."""
    return flops_per_token(model, length) * (1 + BACKWARD) * training.batch_tokens


def _kept_of_a_weight(training: Training) -> int:
    """Itself, its gradient, what the optimizer keeps of that, and its moving average."""
    match training.optimizer:
        case Sgd(momentum=momentum):
            state = 1 if momentum else 0
        case Adafactor():
            state = 0  # rows and columns of means, which are few beside a matrix
        case _:
            state = 2
    return 2 + state + (training.ema is not None)


def _rows(
    block: Block, function: Function, lengths: Lengths, path: str, times: int, length: int
) -> Iterator[Row]:
    shapes = shapes_of(block, function)
    for statement in function.body:
        here = ".".join(step for step in (path, statement.part) if step)
        if isinstance(statement.op, Op):
            if statement.part and statement.results:
                yield _row(block, statement, shapes, lengths, here, times, length)
            continue
        below = callee(block, statement)
        part = block.part(statement.part) if statement.part else below
        count = int(part.count.value) if isinstance(part, Repeat) else 1
        if _is_leaf(below):
            yield _row(block, statement, shapes, lengths, here, times * count, length)
            continue
        inner = call_lengths(below, statement, shapes, lengths)
        called = below.function(statement.op.function)
        yield from _rows(below, called, inner, here, times * count, length)


def _readings(model: Block, length: int) -> Iterator[Reading]:
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


def _is_leaf(block: Block) -> bool:
    return not any(children(block))


def _row(
    block: Block,
    statement: Statement,
    shapes: dict[str, Shape],
    lengths: Lengths,
    path: str,
    times: int,
    length: int,
) -> Row:
    cost = statement_cost(block, statement, shapes, lengths)
    reach = HERE
    if isinstance(statement.op, Invoke):
        below = callee(block, statement)
        reaches = reach_of(below, below.function(statement.op.function))
        reach = reduce(or_, reaches.values())
        parameters = count_parameters(below)
    else:
        parameters = parameters_of(block.part(statement.part))
    return Row(
        part=path,
        times=times,
        shape=words(shapes[statement.results[0]]),
        parameters=parameters * times,
        flops_per_token=cost.flops * times // length,
        reach=str(reach),
    )


def _merged(rows: Iterator[Row]) -> tuple[Row, ...]:
    """One row for a part that is used more than once: a tied table has its parameters only once."""
    found: dict[str, Row] = {}
    for row in rows:
        before = found.get(row.part)
        flops = row.flops_per_token + (before.flops_per_token if before else 0)
        found[row.part] = replace(before or row, flops_per_token=flops)
    return tuple(found.values())
