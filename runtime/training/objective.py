"""The loss of a batch, computed as the spec wants it: its precision, compiled or not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from compiler.spec.training import Training
from runtime.data.batches import Batch
from runtime.package import Projection, TrainingModule


class Network(Protocol):
    """The part of a translation model that its training uses."""

    def features(self, source: Tensor, target: Tensor, /) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, width]"""

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Computes the loss of a batch."""

    features: Callable[[Tensor, Tensor], Tensor]
    project: Projection
    training_module: TrainingModule
    device: torch.device
    is_bfloat16: bool

    def __call__(self, batch: Batch) -> Tensor:
        """-> [2]: label-smoothed and plain cross-entropy in nats, summed over the target tokens."""
        source, decoder_input, decoder_target = (
            tokens.to(self.device, non_blocking=True)
            for tokens in (batch.source, batch.decoder_input, batch.decoder_target)
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_bfloat16):
            features = self.features(source, decoder_input)
            losses = self.training_module.loss(features, decoder_target, self.project)
        return torch.stack(losses)


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
    return Objective(
        features=cast(Network, model).features,
        project=objective.project,
        training_module=objective.training_module,
        device=objective.device,
        is_bfloat16=objective.is_bfloat16,
    )
