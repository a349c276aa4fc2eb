"""Rows as processes of this machine, one for each device or share of the cores."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtime.ablation.files import OUTPUT
from runtime.ablation.launcher import Job
from runtime.ablation.row import command
from runtime.errors import UserError

THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Room for one row: what its process finds in the environment."""

    environment: Mapping[str, str]


def core_slots(jobs: int, processes: int) -> list[Slot]:
    """The cores in equal shares, unless the user has said how many threads a process has."""
    environment = {THREADS: str(threads_each(jobs, processes))}
    return [Slot(environment=environment)] * jobs


def device_slots(devices: Sequence[str], jobs: int, processes: int) -> list[Slot]:
    """GPUs, `processes` for each row; rows share them in turn if there are more rows."""
    shares = [devices[n : n + processes] for n in range(0, len(devices), processes)]
    whole = [share for share in shares if len(share) == processes]
    if not whole:
        raise UserError(
            f"--processes-per-row {processes}: there are {len(devices)} GPUs",
            help=f"--processes-per-row {len(devices)} takes them all",
        )
    chosen = [whole[number % len(whole)] for number in range(jobs)]
    return [Slot(environment={"CUDA_VISIBLE_DEVICES": ",".join(each)}) for each in chosen]


def threads_each(jobs: int, processes: int) -> int:
    """The threads of each process: the user's number, else a share of the cores, at least one."""
    said = os.environ.get(THREADS, "").partition(",")[0].strip()
    if said.isdecimal() and int(said) > 0:
        return int(said)
    return max(1, count_cores() // (jobs * processes))


def count_cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What this machine has for rows: `jobs` at a time, with so many threads for each process."""

    jobs: int
    threads: int
    processes: int
    device: str | None
    slots: tuple[Slot, ...]

    def pool(self, cache: Path) -> "LocalPool":
        return LocalPool(
            slots=self.slots, cache=cache, device=self.device, processes=self.processes
        )


def local_room(jobs: int | None, processes: int, device: str | None) -> Room:
    """A row for each GPU, or each core if there is none, unless `jobs` says otherwise.

    Raises a UserError if a row needs more GPUs than there are.
    """
    devices = visible_devices() if device is None else []
    if not devices:
        jobs = jobs or (max(1, count_cores() // processes) if device in (None, "cpu") else 1)
        slots = core_slots(jobs, processes)
    else:
        jobs = jobs or max(1, len(devices) // processes)
        slots = device_slots(devices, jobs, processes)
    return Room(
        jobs=jobs,
        threads=threads_each(jobs, processes),
        processes=processes,
        device=device,
        slots=tuple(slots),
    )


def visible_devices() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    numbers = [str(number) for number in range(torch.cuda.device_count())]
    named = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    return named[: len(numbers)] or numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJob:
    """A process of this machine."""

    process: subprocess.Popen[bytes]

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        self.process.terminate()

    def ending(self) -> str:
        code = self.process.returncode
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPool:
    """A process in each slot. Rows end with this process, with all work saved."""

    slots: Sequence[Slot]
    cache: Path
    device: str | None = None
    processes: int = 1
    _jobs: dict[int, Job] = field(default_factory=dict)

    def has_room(self) -> bool:
        return self._free_slot() is not None

    def start(self, folder: Path) -> LocalJob:
        number = self._free_slot()
        assert number is not None, "a row is started where there is room"
        job = LocalJob(process=self._process(folder, self.slots[number]))
        self._jobs[number] = job
        return job

    def _free_slot(self) -> int | None:
        numbers = range(len(self.slots))
        return next((n for n in numbers if n not in self._jobs or not self._is_busy(n)), None)

    def _is_busy(self, number: int) -> bool:
        return self._jobs[number].is_running()

    def _process(self, folder: Path, slot: Slot) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C in the terminal is the parent's affair."""
        arguments = command(
            folder,
            self.cache,
            device=self.device,
            processes=self.processes,
            parent=os.getpid(),
        )
        with (folder / OUTPUT).open("ab") as output:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **slot.environment},
                start_new_session=True,
            )
