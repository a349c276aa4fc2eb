"""The processes that train one network together: one alone, or those that `torchrun` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from runtime.errors import FailedElsewhere
from runtime.training.interruption import Interruption

STOP = "specformer/stop"
"""The note of a process that was asked to stop."""
FAILED = "specformer/failed"
"""The key under which processes that fail are counted."""
Picklable = TypeVar("Picklable")

LONGEST_WAIT = timedelta(days=7)
"""The patience with the first process, which prepares text; gloo's default is half an hour."""


@dataclass(slots=True)
class Handed:
    """The value that the first process hands on to the others; None before it has one."""

    value: Any = None


class Notes(Protocol):
    """The part of torch's store of keys and values, which joins processes, that is used here."""

    def set(self, key: str, value: str, /) -> None: ...

    def check(self, keys: list[str], /) -> bool: ...

    def add(self, key: str, amount: int, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """This process (`rank`, from 0) among `size` of them."""

    rank: int = 0
    size: int = 1
    patient: dist.ProcessGroup | None = None
    """The group for tensors on the CPU; it waits for a process that prepares text."""
    notes: Notes | None = None
    """A store in which one process writes what the others can read at any time."""

    @property
    def is_first(self) -> bool:
        """Return whether this is the process that reports and saves."""
        return self.rank == 0

    def add_up(self, tensor: Tensor) -> None:
        """Replaces the tensor of every process by the sum of them all."""
        if self.size > 1:
            dist.all_reduce(tensor, group=self.patient if tensor.is_cpu else None)

    def begin_to_add_up(self, tensor: Tensor) -> dist.Work | None:
        """Begin what `add_up` does; the tensor is ready once the result has been waited for."""
        group = self.patient if tensor.is_cpu else None
        return dist.all_reduce(tensor, group=group, async_op=True)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in any process. It does not wait for an accelerator."""
        if self.size == 1:
            return flag
        raised = torch.tensor(int(flag))
        self.add_up(raised)
        return bool(raised)

    def is_stop_called(self, own: bool) -> bool:
        """Tell whether this process (`own`) or another was asked to stop, without waiting.

        Processes may learn it at different times: what follows has to be agreed on by a collective.
        """
        if self.notes is None:
            return own
        if own:
            self.notes.set(STOP, "")
        return own or self.notes.check([STOP])

    def gather_objects(self, own: Picklable) -> list[Picklable]:
        """Return what all processes give, by rank."""
        objects: list[Any] = [own] * self.size
        if self.size > 1:
            dist.all_gather_object(objects, own, group=self.patient)
        return objects

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors (on the CPU, of one shape) of all processes, by rank."""
        if self.size == 1:
            return [tensor]
        tensors = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(tensors, tensor, group=self.patient)
        return tensors

    @contextmanager
    def first_goes_first(self) -> Iterator[Handed]:
        """Lets the first process pass alone; then the others get what it hands on."""
        handed = Handed()
        if not self.is_first:
            handed.value = self._broadcast(None)
        yield handed
        if self.is_first:
            self._broadcast(handed.value)

    def _broadcast(self, value: Any) -> Any:
        """Returns the value of the first process, which must be picklable, in all of them."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values, src=0, group=self.patient)
        return values[0]


@contextmanager
def joined_workers(device: torch.device) -> Iterator[Workers]:
    """Joins the processes that `torchrun` announces in the environment, if it does.

    `device` is that of this process, which NCCL connects with those of the others.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Workers()
        return
    # Flags and random states stay on the CPU and go through gloo, so that the GPU need not wait.
    store, rank, size = next(rendezvous("env://"))
    joined = {"store": store, "rank": rank, "world_size": size}
    if device.type == "cuda":
        dist.init_process_group("cpu:gloo,cuda:nccl", device_id=device, **joined)
    else:
        dist.init_process_group("gloo", **joined)
    patient = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
    try:
        with _one_failure(store):
            yield Workers(rank=rank, size=size, patient=patient, notes=store)
            # torchrun ends all processes when one fails: none may exit while another still saves.
            dist.barrier(group=patient)
    finally:
        dist.destroy_process_group()


@contextmanager
def _one_failure(notes: Notes) -> Iterator[None]:
    """Let the first of the processes that fail raise its error, and others FailedElsewhere.

    Some of them make the same mistake, the others fail since they wait for one that has left.
    """
    try:
        yield
    except Interruption:  # all of them agree on it, and each ends with the code of its signal
        raise
    except Exception as error:
        try:
            is_first = notes.add(FAILED, 1) == 1
        except RuntimeError:  # the process that keeps the notes has left
            is_first = False
        if is_first:
            raise
        raise FailedElsewhere from error
