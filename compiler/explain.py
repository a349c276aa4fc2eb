"""What a model is made of and what it costs, part by part: the table of `specformer explain`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, children
from compiler.mask.interval import HERE
from compiler.ops.op import Op
from compiler.ops.shape import Lengths, Shape, elements, words
from compiler.passes.infer_shapes import output_shapes, shapes_of
from compiler.passes.measure import (
    call_lengths,
    cost_of,
    count_parameters,
    parameters_of,
    statement_cost,
)
from compiler.passes.reach import reach_of
from compiler.pipeline import CompiledPackage
from compiler.readings import Reading, readings
from compiler.spec.optimizer import Adafactor, Sgd
from compiler.spec.training import Training

FLOAT_BYTES = 4
BACKWARD = 2
LOSS_COPIES = 3


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
    per_token = cost_of(model, forward, lengths).flops // length
    parameters = count_parameters(model)
    return Explanation(
        name=package.spec.name,
        rows=_merged(_rows(model, forward, lengths, "", 1, length)),
        readings=tuple(readings(model, length)),
        parameters=parameters,
        length=length,
        flops_per_token=per_token,
        batch_tokens=training.batch_tokens,
        flops_per_update=per_token * (1 + BACKWARD) * training.batch_tokens,
        memory_bytes=FLOAT_BYTES * (_kept_of_a_weight(training) * parameters + kept),
        stream=forward.inputs[-1].name,
        reach=str(reach_of(model, forward)[forward.inputs[-1].name]),
    )


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
