"""The rows of a queue, run to their ends: results, failures, or a stop with all work saved."""

import shlex
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.ablation.launchers import Job, Launcher
from runtime.ablation.record import (
    FAILURE,
    OUTPUT,
    RESULT,
    RUN,
    Failure,
    Result,
    read_record,
    write_failure,
)
from runtime.system.file_lock import is_held
from runtime.training.interruption import Interruption, SignalWatch, watched_signals

SECONDS_BETWEEN_LOOKS = 0.2

SHOWN = ("valid_ppl", "valid_bleu", "valid_macro_f1")

Report = Callable[[str], None]


class QueueInterruption(Interruption):
    """The command was asked to stop; rows that were running have saved their work."""

    def __init__(self, received: signal.Signals, arguments: Sequence[str]) -> None:
        Exception.__init__(self, f"{received.name}; what the running rows have done is saved")
        self.help = f"continue with `{shlex.join(['specformer', *arguments])}`"
        self.exit_code = 128 + received


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A row that an earlier command started, and that has outlived it."""

    folder: Path

    def is_running(self) -> bool:
        return is_held(self.folder)

    def stop(self) -> None:
        """Do nothing: another command started this process, which saves its work as it goes."""

    def ending(self) -> str:
        return ""


class Runner:
    """Keeps rows running, as many as there is room for, until none is left."""

    def __init__(self, folders: Sequence[Path], launcher: Launcher, report: Report) -> None:
        self.waiting = deque(each for each in folders if not (each / RESULT).is_file())
        self.running: dict[Path, Job] = {}
        self.stopped: set[Path] = set()
        self.launcher, self.report = launcher, report
        self.total, self.ended = len(self.waiting), 0

    def run(self, watch: SignalWatch) -> None:
        """To the end, or, once a signal is there, until what runs has saved its work."""
        while self.running or (self.waiting and watch.received is None):
            if watch.received is None:
                self._start()
            else:
                self._stop()
            self._collect(is_stopping=watch.received is not None)
            time.sleep(SECONDS_BETWEEN_LOOKS if self.running else 0)

    def _start(self) -> None:
        """The next rows. One that an earlier command has left running is waited for."""
        while self.waiting:
            folder = self.waiting[0]
            if is_held(folder):
                self.report(f"{folder.name} still runs from before")
                self.running[folder] = Survivor(folder=folder)
            elif self.launcher.has_room():
                verb = "goes on" if (folder / RUN).exists() else "begins"
                (folder / FAILURE).unlink(missing_ok=True)
                self.report(f"{folder.name} {verb}")
                self.running[folder] = self.launcher.start(folder)
            else:
                return
            self.waiting.popleft()

    def _stop(self) -> None:
        """Each row once: a second signal would end it before it has saved its work."""
        self.waiting.clear()
        for folder, job in self.running.items():
            if folder not in self.stopped:
                self.stopped.add(folder)
                self.report(f"{folder.name} saves its work")
                job.stop()

    def _collect(self, *, is_stopping: bool) -> None:
        for folder in [each for each, job in self.running.items() if not job.is_running()]:
            job = self.running.pop(folder)
            if (folder / RESULT).is_file() or (folder / FAILURE).is_file():
                self._tell(folder)
            elif is_stopping:
                self.report(f"{folder.name}: stopped")
            elif isinstance(job, Survivor):
                self.waiting.appendleft(folder)
            else:
                self._lose(folder, job)

    def _tell(self, folder: Path) -> None:
        self.ended += 1
        self.report(f"{self.ended}/{self.total} {folder.name}: {outcome(folder)}")

    def _lose(self, folder: Path, job: Job) -> None:
        """A process that has left neither result nor reason: killed, or out of memory or disk."""
        self.ended += 1
        reason, help = job.ending(), f"{OUTPUT} in its folder has what it said"
        self.report(f"{self.ended}/{self.total} {folder.name}: failed: {reason}; {help}")
        with suppress(OSError):
            write_failure(folder, Failure(reason=reason, help=help))


def run_rows(
    folders: Sequence[Path], launcher: Launcher, arguments: Sequence[str], report: Report
) -> None:
    """Runs the rows that have no result. `arguments` are those that start this command again.

    Raises QueueInterruption after Ctrl-C or SIGTERM.
    """
    with watched_signals(once=False) as watch:
        Runner(folders, launcher, report).run(watch)
    if watch.received is not None:
        raise QueueInterruption(watch.received, arguments)


def outcome(folder: Path) -> str:
    """Return what has become of a row, in a few words."""
    if (folder / RESULT).is_file():
        scores = read_record(folder / RESULT, Result).scores
        shown = [f"{name} {scores[name]:.2f}" for name in SHOWN if name in scores]
        return ", ".join([*shown, f"{scores['minutes']:.1f} minutes of training"])
    return f"failed: {read_record(folder / FAILURE, Failure).reason}"
