"""The table of `specformer explain`: the parts of a model and what each of them costs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import get_args

from compiler.analysis.complexity import Reading, readings
from compiler.analysis.cost import (
    call_lengths,
    cost_of,
    count_parameters,
    parameters_of,
    statement_cost,
)
from compiler.analysis.decoding_memory import DecodingMemory, decoding_memory
from compiler.analysis.dependence import dependence_of
from compiler.analysis.infer_shapes import output_shapes, shapes_of
from compiler.analysis.refusals import why_not_packed
from compiler.analysis.training_memory import (
    FLOAT_BYTES,
    LOSS_COPIES,
    TrainingMemory,
    WeightMemory,
    training_memory,
)
from compiler.format import of_bytes
from compiler.ir.block import Block, Function, Repeat, Statement, callee, children
from compiler.mask.interval import HERE, Interval
from compiler.ops.op import Op
from compiler.ops.shape import Lengths, Shape, elements, words
from compiler.pipeline import CompiledPackage
from compiler.spec.training import Training

BACKWARD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One part of the network, `times` of it: all numbers are of all together.

    `activation_bytes`: what the backward pass keeps of a token, in float32. `cache_bytes`: what
    decoding keeps of one hypothesis at the end of a sentence, and `cache`, how that grows, in
    words. `dependence` is the hull over all that it reads, relative to its own position.
    """

    part: str
    times: int
    shape: str
    parameters: int
    flops_per_token: int
    activation_bytes: int
    cache_bytes: int
    cache: str
    dependence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The parts and the totals.

    `flops_per_token`: forward, for a source and a target token each, in sentences of `length`.
    `activation_bytes`: of these, with logits, log-probabilities and their gradients.
    `flops_per_update`: forward and backward, for `batch_tokens` target tokens.
    `dependence`: the offsets at which an output reads `stream`, the target where there is one.
    `cache_bytes` and `cache`: as of a row, all together.
    `memory_bytes`: of an update on each of `gpus`, with the recipe's `recompute`; `memory`: the
    parts of it, for each value that `recompute` may have.
    `negatives`: how many wrong answers an embedding model tells a target from, else None.
    `not_packed`: why a GPU does not train on packed batches, None if it does, in bfloat16.
    """

    name: str
    rows: tuple[Row, ...]
    readings: tuple[Reading, ...]
    parameters: int
    length: int
    flops_per_token: int
    activation_bytes: int
    cache_bytes: int
    cache: str
    batch_tokens: int
    flops_per_update: int
    gpus: int
    memory: dict[str, TrainingMemory]
    memory_bytes: int
    stream: str
    dependence: str
    not_packed: str | None
    negatives: int | None = None


def explain(package: CompiledPackage, length: int, gpus: int = 1) -> Explanation:
    """The table of a compiled spec, for sentences of `length` tokens on both sides.

    With several `gpus`, each keeps a share of the weights and of what belongs to them.
    """
    model, training = package.model, package.spec.training
    forward = model.function("forward")
    lengths = {"batch": 1, "source": length, "target": length}
    kept = _activations(model, lengths)
    per_token = flops_per_token(model, length)
    parameters = count_parameters(model)
    caches = decoding_memory(model)
    sentences = _Sentences(length=length, memory=caches)
    every = [each for kinds in caches.values() for each in kinds]
    layers = {
        name: [group.block for group in stack.layers for _ in range(group.repeat)]
        for name, stack in package.spec.model.stacks()
    }
    memory = memory_of_update(model, training, length, gpus)
    *_, stream = (each.name for each in forward.inputs if each.name != "segments")
    return Explanation(
        name=package.spec.name,
        rows=_merged(sentences.rows(model, forward, lengths, _Place())),
        readings=tuple(readings(model, layers, length)),
        parameters=parameters,
        length=length,
        flops_per_token=per_token,
        activation_bytes=FLOAT_BYTES * kept // length,
        cache_bytes=FLOAT_BYTES * sum(each.at_the_end(length) for each in every),
        cache=cache_words(every),
        batch_tokens=training.batch_tokens,
        flops_per_update=flops_per_update(model, training, length),
        gpus=gpus,
        memory=memory,
        memory_bytes=memory[training.recompute].together,
        stream=stream,
        dependence=str(dependence_of(model, forward)[stream]),
        not_packed=_not_packed(model, training),
        negatives=_negatives(training, length, gpus),
    )


def _not_packed(model: Block, training: Training) -> str | None:
    """Return why a GPU would not train a network on packed batches; None if it would."""
    reason = why_not_packed(model)
    return str(reason) if reason else training.not_packed


def flops_per_token(model: Block, length: int) -> int:
    """Forward, for a token on each side, in sentences of `length`."""
    lengths = {"batch": 1, "source": length, "target": length}
    return cost_of(model, model.function("forward"), lengths).flops // length


def flops_per_update(model: Block, training: Training, length: int) -> int:
    """Forward and backward, for a batch of the recipe."""
    tokens = training.batch_tokens * _sides(training)
    return flops_per_token(model, length) * (1 + BACKWARD) * tokens


def memory_of_update(
    model: Block, training: Training, length: int, gpus: int
) -> dict[str, TrainingMemory]:
    """Return the memory of an update on each GPU, for each value of `training.recompute`.

    A GPU computes whole micro-batches, or its rows of one where there are fewer than GPUs.
    """
    sentences = _sentences(training, length, gpus) * _sides(training)
    lengths = {"batch": sentences, "source": length, "target": length}
    weights = WeightMemory(
        moments=training.optimizer.moments,
        moments_of_matrices=training.optimizer.moments_of_matrices,
        has_average=training.has_average,
    )
    return {
        recompute: training_memory(
            model, weights, lengths, recomputes=recompute == "layer", gpus=gpus
        )
        for recompute in get_args(Training.model_fields["recompute"].annotation)
    }


def _sentences(training: Training, length: int, gpus: int) -> int:
    """Return the sentences of a side in what a GPU computes at once."""
    rows = 1 if training.accumulate >= gpus else gpus
    return max(1, training.micro_batch_tokens // length // rows)


def _sides(training: Training) -> int:
    """Return how many texts of an example the encoder reads."""
    return 1 if training.contrast is None else 2


def _negatives(training: Training, length: int, gpus: int) -> int | None:
    """Return the other pairs of what a GPU computes at once, whose targets are wrong answers."""
    return None if training.contrast is None else _sentences(training, length, gpus) - 1


def cache_words(memory: Iterable[DecodingMemory]) -> str:
    """`24 KiB a position, 8 KiB`: what is kept for each position, and what but once."""
    numbers: dict[str, int] = {}
    for each in memory:
        kind = _growth(each)
        numbers[kind] = numbers.get(kind, 0) + each.numbers
    return ", ".join(f"{of_bytes(FLOAT_BYTES * count)}{kind}" for kind, count in numbers.items())


def _growth(memory: DecodingMemory) -> str:
    """Return with what it grows, and how far."""
    if memory.is_of_source:
        return " a source position"
    if memory.cache is None:
        return ""
    if most := memory.cache.most:
        return f" a position, {most} at most"
    return " a position" if memory.cache.keeps is None else " a position that is still read"


def _activations(model: Block, lengths: Lengths) -> int:
    """The numbers that the backward pass keeps, and logits with what the loss makes of them."""
    forward = model.function("forward")
    (logits,) = output_shapes(model, forward)
    return cost_of(model, forward, lengths).saved_for_backward + LOSS_COPIES * elements(
        logits, lengths
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The place of a part, how often it is used, and how many of it there are."""

    path: str = ""
    times: int = 1
    held: int = 1

    def below(self, block: Block, name: str) -> "_Place":
        """Return the place of a part of the block here; the block's own if none is named."""
        part = block.part(name) if name else block
        path = f"{self.path}.{name}" if self.path and name else self.path or name
        if not isinstance(part, Repeat):
            return replace(self, path=path)
        times, held = int(part.count.value), int(part.held.value)
        return _Place(path=path, times=self.times * times, held=self.held * held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentences:
    """The length of a sentence, and what decoding keeps of it: rows are computed with both."""

    length: int
    memory: dict[str, list[DecodingMemory]]

    def rows(
        self, block: Block, function: Function, lengths: Lengths, place: _Place
    ) -> Iterator[Row]:
        """Return the rows of the parts that a function uses, and of those in them."""
        shapes = shapes_of(block, function)
        for statement in function.body:
            if isinstance(statement.op, Op):
                if statement.part and statement.results:
                    yield self.row(block, statement, shapes, lengths, place)
                continue
            below = callee(block, statement)
            if not any(children(below)):
                yield self.row(block, statement, shapes, lengths, place)
                continue
            inner = call_lengths(below, statement, shapes, lengths)
            called = below.function(statement.op.function)
            yield from self.rows(below, called, inner, place.below(block, statement.part))

    def row(
        self,
        block: Block,
        statement: Statement,
        shapes: dict[str, Shape],
        lengths: Lengths,
        place: _Place,
    ) -> Row:
        """Return the row of the part that a statement uses, in the block at a place."""
        here = place.below(block, statement.part)
        cost = statement_cost(block, statement, shapes, lengths).times(place.times)
        memory = self.memory.get(here.path, [])
        return Row(
            part=here.path,
            times=place.times if isinstance(statement.op, Op) else here.times,
            shape=words(shapes[statement.results[0]]),
            parameters=parameters_of(block.part(statement.part)) * place.held,
            flops_per_token=cost.flops // self.length,
            activation_bytes=FLOAT_BYTES * cost.saved_for_backward // self.length,
            cache_bytes=FLOAT_BYTES * sum(each.at_the_end(self.length) for each in memory),
            cache=cache_words(memory),
            dependence=str(_dependence(block, statement)),
        )


def _dependence(block: Block, statement: Statement) -> Interval:
    """The hull over all that a part reads; an op with parameters reads its own position."""
    if isinstance(statement.op, Op):
        return HERE
    below = callee(block, statement)
    return reduce(or_, dependence_of(below, below.function(statement.op.function)).values())


def _merged(rows: Iterator[Row]) -> tuple[Row, ...]:
    """One row for a part that is used more than once: a tied table has its parameters only once."""
    found: dict[str, Row] = {}
    for row in rows:
        before = found.get(row.part)
        found[row.part] = _both(before, row) if before else row
    return tuple(found.values())


def _both(one: Row, other: Row) -> Row:
    """Two uses of a part."""
    return replace(
        one,
        flops_per_token=one.flops_per_token + other.flops_per_token,
        activation_bytes=one.activation_bytes + other.activation_bytes,
    )
