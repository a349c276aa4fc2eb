"""The logger of a run: it writes figures to files and shows its progress, as a bar or lines."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.system.terminal import Console
from runtime.training.metrics import Metrics, TrainFigures, ValidFigures
from runtime.training.trackers import Trackers

SECONDS_BETWEEN_LINES = 15.0


class Display:
    """The progress that people see while the network trains; this one shows them nothing."""

    def advance(self, step: int) -> None:
        """Show that update `step` is done."""

    def measure(self, loss: float, tokens_per_second: float) -> None:
        """Show the newest figures, the loss in nats a label."""


class Bar(Display):
    """A bar with the loss, the speed and the time left."""

    def __init__(self, progress: Progress, *, step: int, steps: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task("training", total=steps, completed=step, figures="")

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)

    def measure(self, loss: float, tokens_per_second: float) -> None:
        self._progress.update(self._task, figures=_figures(loss, tokens_per_second))


class Lines(Display):
    """Lines of text with these figures."""

    def __init__(self, report: Callable[[str], None], *, step: int, steps: int | None) -> None:
        self._report, self._steps, self._first = report, steps, step
        self._started = self._last_line = time.monotonic()
        self._figures = ""

    def advance(self, step: int) -> None:
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        if self._steps is None:
            self._report(f"update {step}  {self._figures}")
            return
        seconds = (now - self._started) / (step - self._first) * (self._steps - step)
        left = timedelta(seconds=round(seconds))
        self._report(f"update {step}/{self._steps}  {self._figures}  {left} left")

    def measure(self, loss: float, tokens_per_second: float) -> None:
        self._figures = _figures(loss, tokens_per_second)


@contextmanager
def display(report: Callable[[str], None], *, step: int, steps: int | None) -> Iterator[Display]:
    """Opens a bar on a terminal, above which other output goes, and lines elsewhere.

    `steps` is None where the training ends after some time.
    """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLogger:
    """The logger of a process; only that of the first writes (`metrics`) and reports."""

    metrics: Metrics | None
    display: Display
    report: Callable[[str], None]

    def advance(self, step: int) -> None:
        """Update `step` is done."""
        self.display.advance(step)

    def record_updates(self, figures: TrainFigures) -> None:
        self.display.measure(figures.loss, figures.tokens_per_second)
        if self.metrics is not None:
            self.metrics.write(figures)

    def record_validation(self, figures: ValidFigures) -> None:
        self.report(describe_validation(figures))
        if self.metrics is not None:
            self.metrics.write(figures)

    def sync(self) -> int:
        """Waits until the figures are on the disk -> the length of their file in bytes."""
        return self.metrics.sync() if self.metrics is not None else 0


@contextmanager
def open_run_logger(
    folder: Path,
    report: Callable[[str], None],
    *,
    keep_bytes: int,
    step: int,
    steps: int | None,
    trackers: Trackers | None = None,
) -> Iterator[RunLogger]:
    """The logger of the first process, from update `step` to `steps`, if these are known."""
    with (
        closing(Metrics(folder, keep_bytes=keep_bytes, trackers=trackers)) as metrics,
        display(report, step=step, steps=steps) as shown,
    ):
        yield RunLogger(metrics=metrics, display=shown, report=report)


def silent_run_logger() -> RunLogger:
    """The logger of the other processes."""
    return RunLogger(metrics=None, display=Display(), report=lambda _: None)


def describe_validation(figures: ValidFigures) -> str:
    """One line for people."""
    bleu = "" if figures.bleu is None else f"  BLEU {figures.bleu:.2f}"
    best = "  (the best so far)" if figures.is_best else ""
    return (
        f"validation after update {figures.step}, epoch {figures.epoch}: "
        f"loss {figures.loss:.3f}  perplexity {figures.perplexity:.2f}  "
        f"accuracy {figures.accuracy:.1%}{bleu}{best}"
    )
