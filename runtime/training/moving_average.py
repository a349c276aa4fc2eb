"""The exponential moving average of a network's weights, kept beside it."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class MovingAverage:
    """A second network, whose weights are a mean over those that the first had after each update.

    Every set of weights counts `decay` times as much as the one after it. The weights before the
    first update do not count: they are random.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = deepcopy(model).requires_grad_(False)
        self._weights = _float32(self.network)

    @torch.no_grad()
    def follow(self, model: nn.Module, step: int) -> None:
        """Takes in the weights after update `step`, counted from 1."""
        # The newest share of a sum of powers: 1 of 1 at first, and 1 - decay after many updates.
        share = (1 - self.decay) / (1 - self.decay**step)
        torch._foreach_lerp_(self._weights, _float32(model), share)


def _float32(network: nn.Module) -> list[Tensor]:
    weights = [weight.detach() for weight in network.parameters()]
    if other := {weight.dtype for weight in weights} - {torch.float32}:
        raise ValueError(f"expected weights in float32, got {other}")
    return weights
