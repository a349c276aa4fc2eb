"""Work shared by one-thread processes: on a CPU, small matrices gain more by it than by threads."""

import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

from runtime.errors import UserError
from runtime.system.process import end_with

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[Any], Any]
"""What a worker process does; never set in the one that starts them."""


def most_workers(device: torch.device) -> int:
    """Returns the number of processes that pay: as many as torch would use threads.

    One on a GPU, and where a process cannot be forked, network and all, in a moment.
    """
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    return torch.get_num_threads() if device.type == "cpu" and can_fork else 1


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """`work(item)` for each item, in order, by `workers` processes; by this one if it is one.

    They are forks of this process, so that `work` may be anything; results must be picklable.
    Raises what `work` raises, and a UserError when a process is killed.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, _begin, (work, os.getpid())) as pool:
        # Python 3.12 warns of forks beside threads; torch's are the only ones, and idle.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            results = pool.map(_call, items)
        try:
            yield from results
        except BrokenProcessPool as error:
            raise UserError(
                f"one of {workers} worker processes was killed, perhaps for want of memory",
                help="--workers 1 does with less",
            ) from error


def _begin(work: Callable[[Any], Any], parent: int) -> None:
    """In each process. Ctrl-C is the parent's affair; a fork must not start OpenMP's threads."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(parent)
    torch.set_num_threads(1)


def _call(item: Any) -> Any:
    return _work(item)
