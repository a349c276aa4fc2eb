"""One-thread processes that share the batches of a corpus: for libraries that have none."""

import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any

import torch

from runtime.system.process import keep_freed_memory

Sources = Sequence[Sequence[int]]
Translate = Callable[[Sources], list[list[int]]]

_translate: Translate


class Pool:
    """Some processes, each with a translator of its own; with one worker, this process alone."""

    def __init__(self, workers: int, make: Callable[..., Translate], *arguments: Any) -> None:
        self._map: Callable[[list[Sources]], list[list[list[int]]]]
        self._pool = None
        if workers == 1:
            translate = make(*arguments)
            self._map = lambda batches: [translate(batch) for batch in batches]
            return
        context = multiprocessing.get_context("spawn")
        self._pool = pool = context.Pool(workers, _start, (make, arguments))
        # Whoever is free takes the next batch.
        self._map = lambda batches: pool.map(_work, batches, chunksize=1)

    def map(self, batches: list[Sources]) -> list[list[list[int]]]:
        """The translations of each batch."""
        return self._map(batches)

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()


def length_batches(sources: Sources, sentences: int) -> list[list[int]]:
    """Rows of sentences of like length, the longest first, so that no worker is left with them."""
    order = sorted(range(len(sources)), key=lambda row: -len(sources[row]))
    return [order[start : start + sentences] for start in range(0, len(order), sentences)]


def _start(make: Callable[..., Translate], arguments: tuple[Any, ...]) -> None:
    global _translate
    torch.set_num_threads(1)
    keep_freed_memory()
    _translate = make(*arguments)


def _work(sources: Sources) -> list[list[int]]:
    return _translate(sources)
