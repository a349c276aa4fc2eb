"""The order in which a run sees its training pairs: a function of (seed, epoch)."""

from runtime.checkpoints.checkpoint import Batching
from runtime.data.batches import batches
from runtime.data.pairs import Indices, Pairs


class Order:
    """The batches of each epoch; those of the epoch at hand are kept."""

    def __init__(self, pairs: Pairs, batching: Batching) -> None:
        self._pairs, self._batching = pairs, batching
        self._epoch = 0
        self._batches: list[Indices] = []

    def batches(self, epoch: int) -> list[Indices]:
        """The batches of an epoch, counted from 1."""
        if epoch != self._epoch:
            tokens, seed = self._batching.tokens, self._batching.seed
            self._batches = batches(self._pairs, tokens=tokens, seed=seed, epoch=epoch)
            self._epoch = epoch
        return self._batches
