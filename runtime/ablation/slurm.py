"""Rows as jobs of a Slurm cluster, through submitit (https://github.com/facebookincubator/submitit).

The folder of the ablation must be seen by all nodes, under the same path.
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
from typing import Any

from runtime.ablation.files import JOBS, OUTPUT
from runtime.ablation.launcher import Job
from runtime.ablation.row import command
from runtime.errors import UserError
from runtime.system.file_lock import is_held
from runtime.system.process import ROOT

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
    """What a job runs: a row as a process of its own, to which signals are handed on."""

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
        """Raises a UserError without submitit, without Slurm, or for parameters they do not know.

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
