"""The loss of a batch, and its gradients, computed as the spec wants it: its precision, compiled.

The network runs whole, the output layer in chunks of labels: the logits of a chunk are gone, their
gradient made, before the next chunk's exist. It is spared what has no label, as padding.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, ClassVar, Protocol, Self, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from compiler.spec.training import Training
from runtime.data.batches import Batch, Stream
from runtime.data.sentences import Indices
from runtime.package import (
    PackedModule,
    PackedSentences,
    TrainingModule,
    features_of,
    packed_features_of,
    packed_module,
)
from runtime.system.attention_kernels import choose_attention_kernels
from runtime.training.computation import Computation
from runtime.training.cpu_attention import cpu_attention
from runtime.training.output_layer import OutputLayer

Backward = Callable[[Any, Any], None]
"""Makes a backward pass from some tensors with their gradients, as `torch.autograd.backward`."""


class Network(Protocol):
    """The part of a model that its training uses."""

    def features(self, *inputs: Tensor) -> Tensor:
        """inputs [batch, position] -> [batch, position, width], or one for a text [batch, width]"""

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary or classes]"""


Input = Tensor | PackedSentences
"""Tokens [batch, position], or packed sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedNetwork:
    """The features of packed sentences that a network computes."""

    module: PackedModule
    features: Callable[..., Tensor]

    def of(self, model: nn.Module) -> "PackedNetwork":
        """Return the same for another model of the package, not compiled."""
        return replace(self, features=packed_features_of(self.module, model))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBatch:
    """A batch on the device that computes it: `Batch` as tensors."""

    inputs: Sequence[Any]
    places: Tensor
    labels: Tensor
    has_fillers: bool = False
    """Return whether some labels are `NO_LABEL`, which have no part in the loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective(ABC):
    """Computes the loss of a batch."""

    adds_up: ClassVar[bool]
    """True if each label has a loss of its own, whatever else is in its batch."""

    features: Callable[..., Tensor]
    training_module: TrainingModule
    device: torch.device
    is_bfloat16: bool
    packed: PackedNetwork | None = None
    """The network for packed batches, if the training has them."""
    balance_loss: Callable[..., Tensor] | None = None
    """The loss of uneven routing in a network with experts, of the inputs that it has just read.

    It is a mean over the tokens of one batch of one process. So that it weighs as much as the mean
    cross-entropy, it counts once for each label of the batch.
    """

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Tensor:
        """Returns sums [3] over the labels of a batch: those of `figures`."""
        moved = self.moved(batch)
        return self.figures(self.label_features(moved), moved)

    @abstractmethod
    def figures(self, rows: Tensor, batch: DeviceBatch) -> Tensor:
        """Returns sums [3] over the labels of a batch, whose features are rows [labels, width].

        They are the loss and the plain loss, in nats, and the number of labels that the network
        finds likeliest.
        """

    def of_network(self, model: nn.Module) -> Self:
        """Return the objective for another network, never compiled: that would take a while."""
        packed = self.packed and self.packed.of(model)
        return replace(self, features=features_of(model), packed=packed)

    def add_gradients(
        self, batch: Batch, weight: float, backward: Backward = torch.autograd.backward
    ) -> Tensor:
        """Returns both losses [2]; adds the gradient of `weight` times the first to parameters.

        The first has, here, the loss of an uneven use of experts in it. `backward` makes the
        backward pass through the network, the last of the batch.
        """
        return self.add_gradients_of(self.moved(batch), weight, backward)

    def add_gradients_of(
        self,
        batch: DeviceBatch,
        weight: float | Tensor,
        backward: Backward = torch.autograd.backward,
    ) -> Tensor:
        """Do what `add_gradients` does for a batch on the device, without any wait for it."""
        with self._attention(batch):  # in the backward pass, too, which may compute layers anew
            return self._add_gradients(batch, weight, backward)

    def _add_gradients(
        self, batch: DeviceBatch, weight: float | Tensor, backward: Backward
    ) -> Tensor:
        features = self._features(batch.inputs)
        sums, gradient = self._project_backward(features.detach(), batch, weight)
        if self.balance_loss is None:
            backward(features, gradient)
            return sums
        balance = self.balance_loss(*batch.inputs) * len(batch.labels)
        backward((features, balance * weight), (gradient, None))
        sums[0] += balance.detach()
        return sums

    def label_features(self, batch: DeviceBatch) -> Tensor:
        """Return the features [labels, width] by which the labels of a batch are predicted."""
        with self._attention(batch):
            features = self._features(batch.inputs)
        return features.flatten(0, -2).index_select(0, batch.places)

    @abstractmethod
    def _project_backward(
        self, features: Tensor, batch: DeviceBatch, weight: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the losses [2] and the gradient of the features; adds the output layer's."""

    def moved(self, batch: Batch) -> DeviceBatch:
        """Return a batch on the device."""
        return DeviceBatch(
            inputs=[self._input(each) for each in batch.inputs],
            places=self._moved(batch.places),
            labels=self._moved(batch.labels),
        )

    def _input(self, given: Indices | Stream) -> Input:
        if not isinstance(given, Stream):
            return self._moved(given)
        assert self.packed is not None, "expected padded batches: the network has no packed.py"
        tokens, offsets = self._moved(given.tokens), self._moved(given.offsets)
        return self.packed.module.Packed(tokens, offsets, given.longest)

    def _features(self, inputs: Sequence[Input]) -> Tensor:
        """Returns features [batch, position ..., width], or [places, width] of packed sentences."""
        is_packed = self.packed is not None and not isinstance(inputs[0], Tensor)
        features = self.packed.features if self.packed and is_packed else self.features
        with self._precision():
            return features(*inputs)

    def _moved(self, numbers: Indices | NDArray[np.int32]) -> Tensor:
        """Moves numbers to the device; a GPU fetches them from pinned memory while it computes."""
        tokens = torch.from_numpy(numbers)
        if self.device.type == "cuda":
            tokens = tokens.pin_memory()
        return tokens.to(self.device, non_blocking=True)

    def _attention(self, batch: DeviceBatch) -> AbstractContextManager[None]:
        if self.device.type != "cpu":
            return nullcontext()
        return cpu_attention(batch.inputs, is_bfloat16=self.is_bfloat16)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_bfloat16)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelObjective(Objective):
    """Computes the loss of the labels of a batch, each from the features at its place."""

    adds_up: ClassVar[bool] = True

    project: Callable[[Tensor], Tensor]
    output: OutputLayer
    """Makes losses and gradients of what `project` gives."""

    def figures(self, rows: Tensor, batch: DeviceBatch) -> Tensor:
        """Returns sums [3]: label-smoothed and plain cross-entropy, and the labels found."""
        chunks = self.output.chunks(rows, batch.labels, is_bfloat16=self.is_bfloat16)
        with self._precision():
            return torch.stack([self._figures(*chunk) for chunk in chunks]).sum(dim=0)

    def of_network(self, model: nn.Module) -> Self:
        own = Objective.of_network(self, model)
        return replace(own, project=cast(Network, model).project)

    def _figures(self, features: Tensor, labels: Tensor) -> Tensor:
        logits = self.project(features)
        smoothed, plain = self.training_module.loss(logits, labels)
        right = logits.argmax(dim=-1).eq(labels).sum()
        return torch.stack((smoothed, plain, right.to(plain.dtype)))

    def _project_backward(
        self, features: Tensor, batch: DeviceBatch, weight: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the losses [2] and the gradient of the features; adds the output layer's."""
        rows = features.flatten(0, -2).index_select(0, batch.places)
        chunks = self.output.gradient_chunks(
            rows, batch.labels, is_bfloat16=self.is_bfloat16, has_fillers=batch.has_fillers
        )
        with self._precision():  # around all chunks, so that weights are cast once for them
            found = [
                self.output.gradient(*chunk, weight, has_fillers=batch.has_fillers)
                for chunk in chunks
            ]
        losses, gradients = zip(*found, strict=True)
        together = torch.cat(gradients) if len(gradients) > 1 else gradients[0]
        gradient = torch.zeros_like(features)
        flat = gradient.flatten(0, -2)
        if batch.has_fillers:  # they share a place, and their gradient is zero
            flat.index_add_(0, batch.places, together)
        else:
            flat.index_copy_(0, batch.places, together)
        return torch.stack(losses).sum(dim=0), gradient


def is_compiled(training: Training, computation: Computation, device: torch.device) -> bool:
    """Return whether a program of `torch.compile` computes the features.

    Packed sentences have one on a GPU alone: on a CPU attention goes from sentence to sentence.
    """
    return training.compile and (computation.batching != "packed" or device.type == "cuda")


def training_objective(
    model: nn.Module,
    training_module: TrainingModule,
    training: Training,
    device: torch.device,
    computation: Computation | None = None,
) -> Objective:
    """Returns the objective of a training, compiled where `is_compiled` tells so.

    `computation` is by default what a new run would choose on this device.
    """
    computation = computation or Computation.resolve(training, device)
    choose_attention_kernels(device)
    # Batches have many shapes: one program for all of them, instead of one for each.
    features, compiles = features_of(model), is_compiled(training, computation, device)
    common = _Common(
        features=torch.compile(features, dynamic=True) if compiles else features,
        training_module=training_module,
        device=device,
        is_bfloat16=computation.precision == "bfloat16",
        packed=_packed_network(model, compiles) if computation.batching == "packed" else None,
        balance_loss=_balance_loss(model),
    )
    if training.contrast is not None:
        from runtime.training.pair_objective import PairObjective  # it builds on this file

        return PairObjective(**common)
    project = cast(Network, model).project
    # Whatever the spec says of the network: on a GPU a program saves most of the loss's time, and
    # on a CPU none.
    output = OutputLayer(project, training_module.loss, is_compiled=device.type == "cuda")
    return LabelObjective(**common, project=project, output=output)


class _Common(TypedDict):
    """The fields of `Objective`."""

    features: Callable[..., Tensor]
    training_module: TrainingModule
    device: torch.device
    is_bfloat16: bool
    packed: PackedNetwork | None
    balance_loss: Callable[..., Tensor] | None


def _packed_network(model: nn.Module, compiles: bool) -> PackedNetwork | None:
    """Return the network for packed batches, if its package has one."""
    module = packed_module(type(model))
    if module is None:
        return None
    features = packed_features_of(module, model)
    if compiles:
        features = torch.compile(features, dynamic=False)  # all batches have one shape
    return PackedNetwork(module=module, features=features)


def _balance_loss(model: nn.Module) -> Callable[..., Tensor] | None:
    """A network with experts has a method that takes the tokens of the stacks that have some."""
    if not hasattr(model, "balance_loss"):
        return None
    method = cast(Callable[..., Tensor], model.balance_loss)
    names = signature(method).parameters.keys()
    read = signature(cast(Network, model).features).parameters
    streams = [each for each in read if each != "segments"]

    def balance_loss(*inputs: Input) -> Tensor:
        rows = (each if isinstance(each, Tensor) else each.tokens[None] for each in inputs)
        tokens = dict(zip(streams, rows, strict=True))
        return method(**{name: tokens[name] for name in names})

    return balance_loss
