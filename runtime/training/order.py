"""The order in which a run sees its examples: a function of (seed, epoch)."""

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import Batching
from runtime.data.batches import batches
from runtime.data.examples import Examples
from runtime.data.sentences import Indices


class Order:
    """The batches of each epoch; those of the epoch at hand are kept."""

    def __init__(self, examples: Examples, batching: Batching) -> None:
        self._examples, self._batching = examples, batching
        self._epoch = 0
        self._batches: list[Indices] = []

    def batches(self, epoch: int) -> list[Indices]:
        """The batches of an epoch, counted from 1."""
        if epoch != self._epoch:
            tokens, seed = self._batching.tokens, self._batching.seed
            self._batches = batches(self._examples, tokens=tokens, seed=seed, epoch=epoch)
            self._epoch = epoch
        return self._batches


def updates_of(training: Training, examples: Examples) -> int:
    """The updates in all epochs; the last of an epoch takes the batches that are left.

    Raises ValueError for a training whose length is not given in epochs.
    """
    if training.epochs is None:
        raise ValueError("expected `training.epochs`, got None")
    order, epochs = Order(examples, Batching.of(training)), range(1, training.epochs + 1)
    return sum(-(-len(order.batches(epoch)) // training.accumulate) for epoch in epochs)
