"""Validation: losses and accuracy over the validation set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from runtime.data.batches import Batched, Examples
from runtime.data.sentences import Indices
from runtime.errors import DivergenceError
from runtime.training.objective import Objective
from runtime.training.update import count_labels, own_rows
from runtime.training.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """The losses of a validation.

    `loss` is the label-smoothed cross-entropy and `nll` the plain one, in nats a label; `accuracy`
    is the share of the labels that the network finds likeliest.
    """

    loss: float
    nll: float
    accuracy: float


def perplexity(nll: float) -> float:
    """e^nll, no more than a float can hold."""
    return math.exp(min(nll, 700.0))


@torch.no_grad()
def validate(
    model: nn.Module,
    objective: Objective,
    examples: Examples | Batched,
    batches: Sequence[Indices],
    workers: Workers,
) -> Losses:
    """The losses over these batches, without dropout; leaves the model in training mode."""
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64, device=objective.device)
    for rows in own_rows(batches, workers):
        sums += objective.evaluate(examples.collate(rows))
    workers.add_up(sums)
    model.train()
    loss, nll, accuracy = (sums / count_labels(examples, batches)).tolist()
    if not math.isfinite(loss):
        raise DivergenceError(
            "the loss on the validation set is not finite",
            help="lower training.schedule.peak or set training.clip_norm",
        )
    return Losses(loss=loss, nll=nll, accuracy=accuracy)
