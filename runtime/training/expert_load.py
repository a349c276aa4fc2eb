"""The numbers that balance the load of experts without a loss (Wang et al. 2024, algorithm 1).

A generated layer that has them, `correction`, counts in `balance` how many tokens have chosen each
expert. After an update the counts of all its micro-batches, in all processes, are added up, and
each number moves by its rate towards an even load.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from runtime.training.workers import Workers


def corrected(model: nn.Module) -> list[Any]:
    """Return the layers of experts that have such numbers."""
    return [each for each in model.modules() if hasattr(each, "correction")]


@torch.no_grad()
def follow_load(model: nn.Module, workers: Workers) -> None:
    """Move the numbers of all layers after an update, and forget its counts."""
    layers = corrected(model)
    for layer in layers:
        bias = layer.correction.bias
        load = taken(layer, bias)
        workers.add_up(load)
        move(bias, layer.correction.change(load))


def taken(layer: Any, bias: Tensor) -> Tensor:
    """Return how many tokens have chosen each expert of a layer [experts], and count anew."""
    load: Tensor | None = layer.balance.load
    layer.balance.load = None
    return torch.zeros(bias.shape, device=bias.device) if load is None else load.detach()


def move(bias: Tensor, change: Tensor) -> None:
    """Add a change to a tensor, which may be one of which each process has a share."""
    if hasattr(bias, "device_mesh"):
        from torch.distributed.tensor import distribute_tensor  # whose import takes a second

        change = distribute_tensor(change, bias.device_mesh, bias.placements)  # type: ignore[attr-defined]
    bias.add_(change)


@contextmanager
def uncounted(model: nn.Module) -> Iterator[None]:
    """Leave the counts as they are, while rows are read that another process counts."""
    layers = corrected(model)
    loads = [each.balance.load for each in layers]
    yield
    for layer, load in zip(layers, loads, strict=True):
        layer.balance.load = load
