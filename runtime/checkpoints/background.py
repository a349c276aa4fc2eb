"""Checkpoints are written by a thread while the training goes on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

import torch

from runtime.checkpoints.checkpoint import Tensors

SECONDS_BETWEEN_LOOKS = 0.1


class BackgroundWriter:
    """Writes one checkpoint at a time; the end of its context waits for the last one."""

    def __init__(self, is_hurried: Callable[[], bool], report: Callable[[str], None]) -> None:
        """While `is_hurried` returns true, `report` is told what is waited for."""
        self._is_hurried, self._report = is_hurried, report
        self._pool = ThreadPoolExecutor(1, "checkpoint")
        self._newest: Future[None] | None = None
        self._name = ""

    def start(self, write: Callable[[], None], name: str) -> None:
        """Begin to write. Raises the error of the checkpoint before, for which it waits."""
        self.wait()
        self._newest, self._name = self._pool.submit(write), name

    def is_writing(self) -> bool:
        """Tell whether a checkpoint is being written."""
        return self._newest is not None and not self._newest.done()

    def check(self) -> None:
        """Raise the error of a checkpoint that could not be written; do not wait for one."""
        if self._newest is not None and self._newest.done():
            self.wait()

    def wait(self) -> None:
        """Wait until the newest checkpoint is written. Raises the error if it could not be."""
        if self._newest is not None:
            self._await(self._newest)
            newest, self._newest = self._newest, None
            newest.result()

    def _await(self, newest: Future[None]) -> None:
        """Wait without raising; say once for what, as soon as somebody is in a hurry."""
        while not newest.done() and not self._is_hurried():
            wait([newest], SECONDS_BETWEEN_LOOKS)
        if not newest.done():
            self._report(f"waiting until {self._name} is written")
            wait([newest])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:  # the error that ends the training counts more than one of the disk
                self.wait()
            elif self._newest is not None:
                self._await(self._newest)
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
