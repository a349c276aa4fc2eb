"""Validation: losses and accuracy over the validation set."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from runtime.data.batches import Batched, Examples
from runtime.data.prepare import Prepared
from runtime.data.sentences import Indices
from runtime.errors import DivergenceError
from runtime.training.interruption import Abandoned
from runtime.training.objective import Objective
from runtime.training.pair_objective import SearchOfTargets
from runtime.training.update import count_labels, own_rows
from runtime.training.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """The losses of a validation.

    `loss` is the label-smoothed cross-entropy and `nll` the plain one, in nats a label; `accuracy`
    is the share of the labels that the network finds likeliest, of an embedding model that of the
    sources whose target it finds among those of the whole text.
    """

    loss: float
    nll: float
    accuracy: float


class Score(Protocol):
    """Scores the translations of the validation set by a network."""

    def __call__(
        self,
        model: nn.Module,
        prepared: Prepared,
        workers: Workers,
        is_stopping: Callable[[], bool],
        /,
    ) -> float:
        """Return the BLEU of a network in evaluation mode, in every process.

        Raises Abandoned, in all processes, once `is_stopping` is true in one of them.
        """


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
    is_stopping: Callable[[], bool] = lambda: False,
    *,
    in_step: bool = False,
) -> Losses:
    """The losses over these batches, without dropout; leaves the model in training mode.

    `in_step` says that all processes must make the same passes, as where weights are in shares.
    Raises Abandoned, in all processes, once `is_stopping` is true in one of them.
    """
    model.eval()
    sums = torch.zeros(4, dtype=torch.float64, device=objective.device)
    search = SearchOfTargets.among(examples, objective.device)
    for rows, counts in own_rows(batches, workers, in_step=in_step):
        if is_stopping():
            sums[3] = 1
            break
        batch = objective.moved(examples.collate(rows))
        features = objective.label_features(batch)
        sums[:3] += counts * objective.figures(features, batch)
        if search is not None and counts:
            search.add(rows, features)
    workers.add_up(sums)
    model.train()
    *totals, abandoned = sums.tolist()
    if abandoned:
        raise Abandoned
    if search is not None and math.isfinite(totals[0]):
        totals[2] = search.count_found(workers)
    labels = count_labels(examples, batches)
    loss, nll, accuracy = (total / labels for total in totals)
    if not math.isfinite(loss):
        raise DivergenceError(
            "the loss on the validation set is not finite",
            help="lower training.schedule.peak or set training.clip_norm",
        )
    return Losses(loss=loss, nll=nll, accuracy=accuracy)
