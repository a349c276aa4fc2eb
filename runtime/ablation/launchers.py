"""Launchers make processes of rows: on this machine, or on a Slurm cluster.

The cluster is asked through submitit (https://github.com/facebookincubator/submitit). Its nodes
must see the folder of the ablation under the same path.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from runtime.ablation.record import JOBS, OUTPUT
from runtime.ablation.row import command
from runtime.errors import UserError
from runtime.system.file_lock import is_held
from runtime.system.process import ROOT, count_cores


class Job(Protocol):
    """A row that was started."""

    def is_running(self) -> bool:
        """Tell whether its process has not ended yet."""

    def stop(self) -> None:
        """Ask the job to save its work and to end, without waiting for the end."""

    def ending(self) -> str:
        """Return how it ended, in words, for a row that has left neither result nor reason."""


class Launcher(Protocol):
    """Starts rows, as many at a time as there is room for."""

    def has_room(self) -> bool:
        """Tell whether another row can be started now."""

    def start(self, folder: Path) -> Job:
        """Starts the row in a folder."""


THREADS = "OMP_NUM_THREADS"


Slot = Mapping[str, str]
"""The room for one row: what its process finds in the environment."""


def core_slots(jobs: int, processes: int) -> list[Slot]:
    """The cores in equal shares, unless the user has said how many threads a process has."""
    return [{THREADS: str(threads_each(jobs, processes))}] * jobs


def device_slots(devices: Sequence[str], jobs: int, processes: int) -> list[Slot]:
    """GPUs, `processes` for each row; rows share them in turn if there are more rows.

    The cores are shared as by rows without GPUs.
    """
    shares = [devices[n : n + processes] for n in range(0, len(devices), processes)]
    whole = [share for share in shares if len(share) == processes]
    if not whole:
        raise UserError(
            f"--processes-per-row {processes}: there are {len(devices)} GPUs",
            help=f"--processes-per-row {len(devices)} takes them all",
        )
    chosen = [whole[number % len(whole)] for number in range(jobs)]
    threads = str(threads_each(jobs, processes))  # without it each process takes all cores
    return [{"CUDA_VISIBLE_DEVICES": ",".join(each), THREADS: threads} for each in chosen]


def threads_each(jobs: int, processes: int) -> int:
    """The threads of each process: the user's number, else a share of the cores, at least one."""
    said = os.environ.get(THREADS, "").partition(",")[0].strip()
    if said.isdecimal() and int(said) > 0:
        return int(said)
    return max(1, count_cores() // (jobs * processes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The room of this machine for rows: `jobs` at a time, so many threads for each process."""

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
        numbers, jobs = range(len(self.slots)), self._jobs
        return next((n for n in numbers if n not in jobs or not jobs[n].is_running()), None)

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
                env={**os.environ, **slot},
                start_new_session=True,
            )


COMMON = ("timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node")
"""Parameters that submitit knows for all clusters; others are Slurm's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterJob:
    """A job of submitit."""

    job: Any
    folder: Path

    def is_running(self) -> bool:
        """Until the row itself has let go of its folder."""
        return not self.job.done() or is_held(self.folder)

    def stop(self) -> None:
        self.job.cancel()

    def ending(self) -> str:
        return f"job {self.job.job_id} ended as {self.job.state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOfJob:
    """The task of a job: a row as a process of its own, to which signals are handed on."""

    command: Sequence[str]
    output: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self) -> int:
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                self.command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.processes.append(process)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        return process.wait()

    def checkpoint(self) -> Any:
        """Before the time is up: the work is saved, and the rest is submitted again."""
        from submitit.helpers import DelayedSubmission

        self._stop(signal.SIGTERM, None)
        self.processes.pop().wait()
        return DelayedSubmission(RowOfJob(command=self.command, output=self.output))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        for process in self.processes:
            process.terminate()


class Slurm:
    """Submits rows as jobs, at most `jobs` at a time if that is said."""

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, object],
        *,
        cache: Path,
        processes: int = 1,
        jobs: int | None = None,
        cluster: str = "slurm",
    ) -> None:
        """Raise a UserError without submitit, without Slurm, or for parameters they do not know.

        The cluster `local` is processes of this machine.
        """
        self.executor = _executor(folder / JOBS, cluster, parameters)
        self.cache, self.processes, self.jobs = cache.resolve(), processes, jobs
        self.started: list[Job] = []

    def has_room(self) -> bool:
        self.started = [job for job in self.started if job.is_running()]
        return self.jobs is None or len(self.started) < self.jobs

    def start(self, folder: Path) -> ClusterJob:
        place = folder.resolve()
        self.executor.update_parameters(name=folder.name)
        arguments = command(place, self.cache, device=None, processes=self.processes, parent=None)
        row = RowOfJob(command=arguments, output=place / OUTPUT)
        job = ClusterJob(job=self.executor.submit(row), folder=folder)
        self.started.append(job)
        return job


def _executor(folder: Path, cluster: str, parameters: Mapping[str, object]) -> Any:
    try:
        from submitit import AutoExecutor
    except ImportError as error:
        raise UserError(
            "--launcher slurm needs submitit",
            help="install the extra `slurm` of specformer",
        ) from error
    try:
        python = {f"{kind}_python": _python() for kind in ("slurm", "local")}
        executor = AutoExecutor(folder=folder, cluster=cluster, **python)
        executor.update_parameters(**{_submitits(key): each for key, each in parameters.items()})
    except (NameError, AssertionError, RuntimeError, FileNotFoundError) as error:
        raise UserError(
            f"--launcher slurm: {str(error).splitlines()[0]}",
            help="`--slurm partition=gpu --slurm timeout_min=600 --slurm gpus_per_node=1`, on a "
            "machine that has `sbatch`",
        ) from error
    return executor


def _python() -> str:
    """The start of the commands of jobs; they find our modules, and none in the current folder."""
    folders = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    path = os.pathsep.join([*folders, ROOT])
    return shlex.join(["env", f"PYTHONPATH={path}", sys.executable, "-P"])


def _submitits(key: str) -> str:
    return key if key in COMMON else f"slurm_{key}"
