"""How a run shows that it gets on: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.terminal import Console

SECONDS_BETWEEN_LINES = 15.0


class Display(Protocol):
    """What people see while the network trains."""

    def advance(self, step: int) -> None:
        """Update `step` is done."""

    def measure(self, loss: float, tokens_per_second: float) -> None:
        """The newest figures."""


class Silence:
    """For all processes but the first."""

    def advance(self, step: int) -> None:
        pass

    def measure(self, loss: float, tokens_per_second: float) -> None:
        pass


class Bar:
    """A bar with the loss, the speed and the time left."""

    def __init__(self, progress: Progress, *, step: int, steps: int) -> None:
        self._progress = progress
        self._task = progress.add_task("training", total=steps, completed=step, figures="")

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)

    def measure(self, loss: float, tokens_per_second: float) -> None:
        self._progress.update(self._task, figures=_figures(loss, tokens_per_second))


class Lines:
    """The same as lines of text."""

    def __init__(self, report: Callable[[str], None], *, step: int, steps: int) -> None:
        self._report, self._steps, self._first = report, steps, step
        self._started = self._last_line = time.monotonic()
        self._figures = ""

    def advance(self, step: int) -> None:
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        seconds = (now - self._started) / (step - self._first) * (self._steps - step)
        left = timedelta(seconds=round(seconds))
        self._report(f"update {step}/{self._steps}  {self._figures}  {left} left")

    def measure(self, loss: float, tokens_per_second: float) -> None:
        self._figures = _figures(loss, tokens_per_second)


@contextmanager
def display(report: Callable[[str], None], *, step: int, steps: int) -> Iterator[Display]:
    """What fits the place where errors are shown; what is printed meanwhile goes above the bar."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(report, step=step, steps=steps)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        yield Bar(progress, step=step, steps=steps)


def _figures(loss: float, tokens_per_second: float) -> str:
    return f"loss {loss:.3f}  {tokens_per_second:,.0f} tokens/s"
