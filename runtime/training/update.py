"""The updates of a training: which batches each takes in its epoch, and what it does."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_
from torch.optim import Optimizer

from compiler.spec.spec import Spec
from runtime.checkpoints.checkpoint import BatchKind
from runtime.data.batches import Batched, Batcher, Examples, batches
from runtime.data.prepare import Prepared
from runtime.data.sentences import Indices
from runtime.training.batching import make_batcher
from runtime.training.captured_update import CapturedUpdate
from runtime.training.expert_load import follow_load, uncounted
from runtime.training.gradient_sharing import GradientSharing
from runtime.training.objective import DeviceBatch, Objective
from runtime.training.workers import Workers


@dataclass(frozen=True, kw_only=True)
class Updater:
    """Makes updates; several processes share the work of each and do the same step."""

    model: nn.Module
    optimizer: Optimizer
    objective: Objective
    clip_norm: float | None
    workers: Workers
    sharing: GradientSharing
    captured: CapturedUpdate | None = None
    """The update of static tensors, which a GPU replays, in a process that trains alone."""

    def capturing(self) -> Self:
        """Return the same updater, which makes updates of one shape through a `CapturedUpdate`."""
        captured = CapturedUpdate(self._update, self.optimizer, self.objective.device)
        return replace(self, captured=captured)

    def plain(self) -> Self:
        """Return the same updates, none of which is recorded: those of batches that still grow."""
        return replace(self, captured=None)

    def __call__(
        self, examples: Examples | Batched, batches: Sequence[Indices], learning_rate: float
    ) -> Tensor:
        """One update from all these batches.

        -> [3]: smoothed and plain loss in nats, summed over the labels, and the norm of the
        gradient before it is clipped.
        """
        if self.captured is None:
            return self._step(self.add_gradients(examples, batches), learning_rate)
        moved = [self.objective.moved(examples.collate(rows)) for rows in batches]
        update = self.captured if self.captured.takes(moved) else self._update
        return update(moved, 1 / count_labels(examples, batches), learning_rate)

    def _update(
        self, batches: Sequence[DeviceBatch], weight: float | Tensor, learning_rate: float | Tensor
    ) -> Tensor:
        """Make an update without any wait, of batches that this process alone computes."""
        sums = torch.zeros(2, device=self.objective.device)
        for batch in batches:
            sums += self.objective.add_gradients_of(batch, weight)
        return self._step(sums, learning_rate)

    def _step(self, sums: Tensor, learning_rate: float | Tensor) -> Tensor:
        """Make the optimizer's step, once all gradients are there."""
        sums = self.sharing.finish(sums)
        parameters = list(self.model.parameters())
        norm = self.sharing.norm([p.grad for p in parameters if p.grad is not None])
        if self.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.clip_norm, norm)
        set_rates(self.optimizer, learning_rate)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.objective.balance_loss is not None:
            follow_load(self.model, self.workers)
        return torch.cat((sums, norm.unsqueeze(0)))

    def add_gradients(self, examples: Examples | Batched, batches: Sequence[Indices]) -> Tensor:
        """Returns the losses [2] of this process's rows; adds their gradients to parameters."""
        labels = count_labels(examples, batches)
        sums = torch.zeros(2, device=self.objective.device)
        parts = own_rows(batches, self.workers, in_step=self.sharing.is_in_step)
        for number, (rows, counts) in enumerate(parts, start=1):
            backward = partial(self.sharing.backward, is_last=number == len(parts))
            batch = examples.collate(rows)
            with nullcontext() if counts else uncounted(self.model):
                found = self.objective.add_gradients(batch, counts / labels, backward)
            sums += counts * found
        return sums


def set_rates(optimizer: Optimizer, learning_rate: float | Tensor) -> None:
    """Give each group of parameters the rate of an update, times the factor of a group that has
    one.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["rate"] if "rate" in group else learning_rate


def count_labels(examples: Examples | Batched, batches: Iterable[Indices]) -> int:
    """Returns the number of labels in all processes, by which losses are divided."""
    return sum(examples.count_labels(rows) for rows in batches)


def count_tokens(examples: Examples | Batched, batches: Iterable[Indices]) -> int:
    """Returns the number of tokens that all processes read, without padding."""
    return sum(examples.count_tokens(rows) for rows in batches)


class Part(NamedTuple):
    """Rows of a batch that a process computes; `counts` is 0 where another process has them."""

    rows: Indices
    counts: int = 1


def own_rows(batches: Sequence[Indices], workers: Workers, *, in_step: bool = False) -> list[Part]:
    """Return what this process computes: whole batches, and its rows of those that are left over.

    Whole batches are dealt out as long as there is one for each process. The rest of them, fewer
    than there are processes, are divided by rows; a process may have none of these. Where all go
    `in_step`, it takes a row of another process then, which does not count.
    """
    dealt = len(batches) - len(batches) % workers.size
    whole = [Part(rows) for rows in batches[:dealt][workers.rank :: workers.size]]
    parts = [(rows, rows[workers.rank :: workers.size]) for rows in batches[dealt:]]
    own = (Part(part) if len(part) else Part(rows[:1], 0) for rows, part in parts)
    return [*whole, *(each for each in own if in_step or each.counts)]


class EpochOrder:
    """The batches of each epoch; those of the epoch at hand are kept."""

    def __init__(self, examples: Examples, batcher: Batcher, seed: int) -> None:
        self._examples, self._batcher, self._seed = examples, batcher, seed
        self._epoch = 0
        self._batches: list[Indices] = []

    def batches(self, epoch: int) -> list[Indices]:
        """The batches of an epoch, counted from 1."""
        if epoch != self._epoch:
            drawn = self._examples.drawn(self._seed, epoch)
            self._batches = batches(drawn, self._batcher, seed=self._seed, epoch=epoch)
            self._epoch = epoch
        return self._batches


def updates_of(spec: Spec, prepared: Prepared, batching: BatchKind) -> int:
    """The updates in all epochs; the last of an epoch takes the batches that are left.

    Raises ValueError for a training whose length is not given in epochs.
    """
    training = spec.training
    if training.epochs is None:
        raise ValueError("expected `training.epochs`, got None")
    batcher = make_batcher(batching, spec, prepared)
    order = EpochOrder(prepared.train, batcher, training.seed)
    epochs = range(1, training.epochs + 1)
    return sum(-(-len(order.batches(epoch)) // training.accumulate) for epoch in epochs)
