"""Checkpoints are written by a thread while the training goes on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch

from runtime.checkpoints.checkpoint import Tensors


class BackgroundWriter:
    """Writes one checkpoint at a time; the end of its context waits for the last one."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "checkpoint")
        self._newest: Future[None] | None = None

    def start(self, write: Callable[[], None]) -> None:
        """Begin to write. Raises the error of the checkpoint before, for which it waits."""
        self.wait()
        self._newest = self._pool.submit(write)

    def check(self) -> None:
        """Raise the error of a checkpoint that could not be written; do not wait for one."""
        if self._newest is not None and self._newest.done():
            self.wait()

    def wait(self) -> None:
        """Wait until the newest checkpoint is written. Raises the error if it could not be."""
        if self._newest is not None:
            newest, self._newest = self._newest, None
            newest.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:  # the error that ends the training counts more than one of the disk
                self.wait()
        finally:
            self._pool.shutdown()


def copied(tensors: Tensors) -> Tensors:
    """Return copies in the memory of the CPU, which later updates leave alone.

    A GPU copies them into pinned memory, all at once, and is waited for.
    """
    copies = {
        name: tensor.to("cpu", non_blocking=tensor.is_cuda, copy=True)
        for name, tensor in tensors.items()
    }
    if any(tensor.is_cuda for tensor in tensors.values()):
        torch.cuda.synchronize()
    return copies
