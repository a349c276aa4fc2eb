"""The loss of a batch, and its gradients, computed as the spec wants it: its precision, compiled.

The network runs whole, the output layer in chunks of labels: the logits of a chunk are gone, their
gradient made, before the next chunk's exist. It is spared what has no label, as padding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from compiler.spec.training import Training
from runtime.data.examples import Batch
from runtime.data.sentences import Indices
from runtime.package import TrainingModule

CHUNK = {"cpu": 256, "cuda": 8192}
"""Labels whose logits exist at once: few enough for the caches of a CPU, many enough for a GPU."""


class Network(Protocol):
    """The part of a model that its training uses."""

    def features(self, *inputs: Tensor) -> Tensor:
        """inputs [batch, position] -> [batch, position, width], or one for a text [batch, width]"""

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary or classes]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Computes the loss of a batch."""

    features: Callable[..., Tensor]
    project: Callable[[Tensor], Tensor]
    training_module: TrainingModule
    device: torch.device
    is_bfloat16: bool

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Tensor:
        """-> [3]: label-smoothed and plain cross-entropy in nats, summed over the labels, and how

        many of these are what the network finds likeliest.
        """
        features, places, labels = self._run(batch)
        rows = features.flatten(0, -2).index_select(0, places)
        chunks = self._chunks(rows, labels)
        return torch.stack([self._figures(*chunk) for chunk in chunks]).sum(dim=0)

    def add_gradients(self, batch: Batch, weight: float) -> Tensor:
        """-> [2]: both losses; adds the gradient of `weight` times the first to the parameters'."""
        features, places, labels = self._run(batch)
        rows = features.detach().flatten(0, -2).index_select(0, places)
        losses, gradients = [], []
        for chunk, its_labels in self._chunks(rows, labels):
            chunk.requires_grad_()
            smoothed, plain = self._losses(chunk, its_labels)
            torch.autograd.backward(smoothed * weight)
            losses.append(torch.stack((smoothed.detach(), plain.detach())))
            gradients.append(cast(Tensor, chunk.grad))
        gradient = torch.zeros_like(features)
        gradient.flatten(0, -2).index_copy_(0, places, torch.cat(gradients))
        torch.autograd.backward(features, gradient)
        return torch.stack(losses).sum(dim=0)

    def _run(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """-> features [batch, position ..., width], the places of labels [labels] and these."""
        arrays = (*batch.inputs, batch.places, batch.labels)
        *inputs, places, labels = map(self._moved, arrays)
        with self._precision():
            return self.features(*inputs), places, labels

    def _moved(self, numbers: Indices) -> Tensor:
        """On the device. From pinned memory a GPU fetches them itself, while it still computes."""
        tokens = torch.from_numpy(numbers)
        if self.device.type == "cuda":
            tokens = tokens.pin_memory()
        return tokens.to(self.device, non_blocking=True)

    def _chunks(self, rows: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        tokens = CHUNK.get(self.device.type, len(rows))
        return zip(torch.split(rows, tokens), torch.split(labels, tokens), strict=True)

    def _figures(self, features: Tensor, labels: Tensor) -> Tensor:
        with self._precision():
            logits = self.project(features)
            smoothed, plain = self.training_module.loss(logits, labels)
        right = logits.argmax(dim=-1).eq(labels).sum()
        return torch.stack((smoothed, plain, right.to(plain.dtype)))

    def _losses(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with self._precision():
            return self.training_module.loss(self.project(features), labels)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_bfloat16)


def training_objective(
    model: nn.Module, training_module: TrainingModule, training: Training, device: torch.device
) -> Objective:
    """For training: compiled, if the spec says so."""
    network = cast(Network, model)
    # Batches have many shapes: one program for all of them, instead of one for each.
    compiled = torch.compile(network.features, dynamic=True) if training.compile else None
    return Objective(
        features=compiled or network.features,
        project=network.project,
        training_module=training_module,
        device=device,
        is_bfloat16=training.precision == "bfloat16",
    )


def validation_objective(objective: Objective, model: nn.Module) -> Objective:
    """The same, never compiled: evaluation mode would be a second program for little work."""
    return replace(objective, features=cast(Network, model).features)
