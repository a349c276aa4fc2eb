"""What the parity test needs of a model of other people's."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Its weights, and (source [batch, source], target [batch, target]) -> logits."""

    tensors: dict[str, Tensor]
    logits: Callable[[Tensor, Tensor], Tensor]


def shake(model: nn.Module) -> None:
    """Moves every weight: in a new model norms and biases are all alike, and could be exchanged."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" not in name:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
