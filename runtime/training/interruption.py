"""Ctrl-C, SIGTERM and SIGHUP: a run ends after the update it is at, with everything saved.

A validation is given up; `--resume` repeats it.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from runtime.system.process import resuming

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(Exception):
    """The run was asked to stop, and has saved all its work."""

    def __init__(self, received: signal.Signals, *, step: int, folder: Path) -> None:
        super().__init__(f"{received.name} after update {step}; all work is saved")
        self.folder = folder
        self.exit_code = 128 + received
        self.repeat()

    def repeat(self, options: Sequence[str] = ()) -> None:
        """Name in `help` the command that continues, with these options of the one that ends."""
        self.help = f"continue with `{resuming(self.folder, options)}`"


class Abandoned(Exception):
    """A validation was given up, because a process was asked to stop."""


@dataclass(slots=True)
class SignalWatch:
    """Remembers the first signal, if any, and whether there was another."""

    received: signal.Signals | None = None
    is_repeated: bool = False
    is_saving: Callable[[], bool] = field(default=lambda: False)
    """Return whether work is being saved at this moment, which no signal gives up."""


@contextmanager
def watched_signals(*, once: bool) -> Iterator[SignalWatch]:
    """Notes signals instead of acting on them.

    With `once`, a second one acts as usual, unless work is being saved at that moment. An ignored
    signal stays ignored, as Ctrl-C is for jobs in the background. Only the main thread can handle
    signals; in another one, nothing changes.
    """
    watch = SignalWatch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    previous = {key: handler for key, handler in handlers.items() if handler is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        if watch.received is None:
            watch.received = signal.Signals(number)
        elif once and not watch.is_saving():
            restore()
            signal.raise_signal(number)
        else:
            watch.is_repeated = True

    for number in previous:
        signal.signal(number, note)
    try:
        yield watch
    finally:
        restore()
