"""Estimate the memory that the updates of a training take on one GPU, from the rules of the ops.

The numbers are those of float32. Left out are what the backward pass needs for a moment (gradients
of activations), the libraries' own (contexts, workspaces) and what the allocator cannot use. In
bfloat16 activations take about half, and a copy of each matrix that a product reads is kept.
"""

from dataclasses import dataclass
from math import ceil

from compiler.analysis.cost import (
    call_lengths,
    cost_of,
    count_hidden_matrices,
    count_parameters,
    parameters_of,
    statement_cost,
)
from compiler.analysis.infer_shapes import output_shapes, shapes_of
from compiler.ir.block import Block, Function, Repeat, callee
from compiler.ops.op import Op
from compiler.ops.shape import Lengths, elements

FLOAT_BYTES = 4
LOGITS_BYTES = 2**31
"""The logits that may exist at once on a GPU, as `runtime/training/output_layer.py` says."""
LOSS_COPIES = 3
"""Logits, what the loss makes of them, and their gradient."""
GATHERED_LAYERS = 2
"""Layers whose weights a GPU holds whole at once: that at work, and the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightMemory:
    """The numbers that a training keeps of each weight, the weight included."""

    moments: int
    """Running means of the optimizer."""
    moments_of_matrices: int
    """The running means that an optimizer keeps of each number of a hidden matrix."""
    has_average: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingMemory:
    """Bytes on one GPU in float32.

    `optimizer` are its running means, `average` the moving average of the weights, `gathered` the
    weights that a GPU which keeps a share of them holds whole for a moment: those outside of layers
    and of two layers. `gathered_gradients` are the gradients of the former and of one layer, before
    each GPU takes its share of them. `activations` are kept from the forward pass of a micro-batch
    until its backward pass has read them.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    gathered: int
    gathered_gradients: int
    activations: int
    logits: int

    @property
    def together(self) -> int:
        """Return the sum of all."""
        kept = self.weights + self.gradients + self.optimizer + self.average
        gathered = self.gathered + self.gathered_gradients
        return kept + gathered + self.activations + self.logits


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """Numbers that the backward pass needs, kept from the forward pass or computed anew.

    `kept` of all that was computed; `inputs`, where each layer keeps its inputs alone; `layer`, of
    the largest layer, which the backward pass computes anew.
    """

    kept: int
    inputs: int = 0
    layer: int = 0

    @property
    def recomputed(self) -> int:
        """Return the most that there is at once where layers are recomputed."""
        return self.inputs + self.layer

    def __add__(self, other: "Activations") -> "Activations":
        return Activations(
            kept=self.kept + other.kept,
            inputs=self.inputs + other.inputs,
            layer=max(self.layer, other.layer),
        )


def training_memory(
    model: Block, weights: WeightMemory, micro_batch: Lengths, *, recomputes: bool, gpus: int = 1
) -> TrainingMemory:
    """Estimate the memory of one GPU whose micro-batch has these lengths.

    With several `gpus`, each keeps a share of the weights and of what belongs to them.
    """
    parameters = count_parameters(model)
    share = FLOAT_BYTES * ceil(parameters / gpus)
    layers, others = _layers(model) if gpus > 1 else ([0], 0)
    layers.sort(reverse=True)
    forward = model.function("forward")
    activations = activations_of(model, forward, micro_batch)
    kept = activations.recomputed if recomputes else activations.kept
    return TrainingMemory(
        weights=share,
        gradients=share,
        optimizer=_optimizer(model, weights, gpus),
        average=share if weights.has_average else 0,
        gathered=FLOAT_BYTES * (sum(layers[:GATHERED_LAYERS]) + others),
        gathered_gradients=FLOAT_BYTES * (sum(layers[:1]) + others),
        activations=FLOAT_BYTES * kept,
        logits=LOSS_COPIES * min(FLOAT_BYTES * _logits(model, micro_batch), LOGITS_BYTES),
    )


def _optimizer(model: Block, weights: WeightMemory, gpus: int) -> int:
    """Return the bytes of the optimizer's running means on one GPU."""
    parameters = count_parameters(model)
    matrices = 0
    if weights.moments != weights.moments_of_matrices:
        matrices = count_hidden_matrices(model)
    numbers = weights.moments_of_matrices * ceil(matrices / gpus)
    return FLOAT_BYTES * (numbers + weights.moments * ceil((parameters - matrices) / gpus))


def activations_of(block: Block, function: Function, lengths: Lengths) -> Activations:
    """Return what a call of a function keeps, with and without recomputation of layers."""
    shapes = shapes_of(block, function)
    total = Activations(kept=0)
    shared: set[str] = set()
    for statement in function.body:
        saved = statement_cost(block, statement, shapes, lengths).saved_for_backward
        if isinstance(statement.op, Op):
            total += Activations(kept=saved, inputs=saved)
            continue
        below = callee(block, statement)
        inner = call_lengths(below, statement, shapes, lengths)
        called = below.function(statement.op.function)
        part = block.part(statement.part) if statement.part else block
        if not isinstance(part, Repeat):
            total += activations_of(below, called, inner)
            continue
        first, *others = statement.inputs
        once = [shapes[each] for each in others if each not in shared]
        shared.update(others)
        inputs = int(part.count.value) * elements(shapes[first], lengths)
        total += Activations(
            kept=saved,
            inputs=inputs + sum(elements(each, lengths) for each in once),
            layer=cost_of(below, called, inner).saved_for_backward,
        )
    return total


def _logits(model: Block, lengths: Lengths) -> int:
    """Return the number of logits of a micro-batch."""
    (shape,) = output_shapes(model, model.function("forward"))
    return elements(shape, lengths)


def _layers(block: Block) -> tuple[list[int], int]:
    """Return the parameters of each layer, and those outside of layers together."""
    layers: list[int] = []
    others = 0
    for _, part in block.parts:
        if isinstance(part, Repeat):
            layers += [count_parameters(part.block)] * int(part.held.value)
        elif isinstance(part, Block):
            inner, outside = _layers(part)
            layers, others = layers + inner, others + outside
        else:
            others += parameters_of(part)
    return layers, others
