"""The log of a run, `train.log`: each line that `train` has said, with its time."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

LOG = "train.log"


class LogFile:
    """A function that reports a line, and keeps it in the log once the run has a folder.

    The file stays open, so that a folder that is renamed keeps its log.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._waiting: list[str] = []
        self._file: int | None = None

    def __call__(self, message: str) -> None:
        """Report a message, and add it to the log."""
        self._report(message)
        self._add(message)

    def open(self, folder: Path) -> None:
        """Begin or continue the log of a run with what was said before."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        self._file = os.open(folder / LOG, flags, 0o666)
        _write(self._file, self._waiting)

    def _add(self, message: str) -> None:
        line = f"{datetime.now().astimezone().isoformat(timespec='seconds')} {message}\n"
        if self._file is None:
            self._waiting.append(line)
        else:
            _write(self._file, [line])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Add the reason why a training was left, and close the log."""
        if self._file is not None:
            self._add("the end" if error is None else f"{type(error).__name__}: {error}")
            os.close(self._file)
            self._file = None


def _write(file: int, lines: Sequence[str]) -> None:
    # A full disk ends a training where its figures and checkpoints are written, not here.
    with suppress(OSError):
        os.write(file, "".join(lines).encode("utf-8", "replace"))
