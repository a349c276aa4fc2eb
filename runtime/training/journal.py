"""What a run tells while it goes: figures to its files, progress to people."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.training.display import Display, Silence, display
from runtime.training.metrics import Metrics, TrainFigures, ValidFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The same for all processes; only that of the first writes (`metrics`) and speaks."""

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

    def record_look(self, figures: ValidFigures) -> None:
        self.report(describe_look(figures))
        if self.metrics is not None:
            self.metrics.write(figures)

    def sync(self) -> int:
        """Waits until the figures are on the disk -> the length of their file in bytes."""
        return self.metrics.sync() if self.metrics is not None else 0


@contextmanager
def open_journal(
    folder: Path, report: Callable[[str], None], *, keep_bytes: int, step: int, steps: int
) -> Iterator[Journal]:
    """The journal of the first process, from update `step` to `steps`."""
    with (
        closing(Metrics(folder, keep_bytes=keep_bytes, step=step)) as metrics,
        display(report, step=step, steps=steps) as shown,
    ):
        yield Journal(metrics=metrics, display=shown, report=report)


def silent_journal() -> Journal:
    """The journal of the other processes."""
    return Journal(metrics=None, display=Silence(), report=lambda _: None)


def describe_look(figures: ValidFigures) -> str:
    """One line for people."""
    bleu = "" if figures.bleu is None else f"  BLEU {figures.bleu:.2f}"
    best = "  (the best so far)" if figures.is_best else ""
    return (
        f"validation after update {figures.step}, epoch {figures.epoch}: "
        f"loss {figures.loss:.3f}  perplexity {figures.perplexity:.2f}  "
        f"accuracy {figures.accuracy:.1%}{bleu}{best}"
    )
