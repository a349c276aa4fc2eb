"""The figures of a run: `metrics.jsonl`, one JSON object a line, and trackers that show them."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compiler.atomic_files import is_special
from runtime.errors import UserError

if TYPE_CHECKING:  # commands that only read figures load no more
    from runtime.training.trackers import Trackers

METRICS = "metrics.jsonl"
IN_EACH_LINE = {"kind", "step", "nll"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainFigures:
    """A line for the updates since the last such line, up to and with `step`.

    `loss` (label-smoothed) and `nll` (plain cross-entropy) are means in nats a label, such as a
    target token, `perplexity` is e^nll; `learning_rate` and `gradient_norm` (before clipping)
    belong to the last update; `tokens_per_second` counts tokens without padding (of pairs, those of
    the target), and no validation time; `seconds` were spent on updates and validation since the
    run began.
    """

    kind: Literal["train"] = "train"
    step: int
    epoch: int
    loss: float
    nll: float
    perplexity: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidFigures:
    """A line for the validation after update `step`, in the same units.

    `accuracy` is the share of the labels that the network finds likeliest; `bleu` (of greedy
    translations) is there if the spec asks for it; `is_best` says whether no validation before was
    as good in the spec's metric.
    """

    kind: Literal["valid"] = "valid"
    step: int
    epoch: int
    loss: float
    nll: float
    perplexity: float
    accuracy: float
    bleu: float | None
    is_best: bool
    seconds: float


class Metrics:
    """Adds lines to the metrics of a run; each is in the file when `write` returns."""

    def __init__(
        self, folder: Path, *, keep_bytes: int, trackers: "Trackers | None" = None
    ) -> None:
        """Continues after the first `keep_bytes` bytes; `trackers` get all figures, too."""
        path = folder / METRICS
        if is_special(path):
            raise UserError(f"{path} is no regular file", help="bring the old file back")
        self._file = path.open("ab", buffering=0)
        if self._length() > keep_bytes:
            self._file.truncate(keep_bytes)
        self._trackers = trackers

    def write(self, figures: TrainFigures | ValidFigures) -> None:
        line = {name: value for name, value in asdict(figures).items() if value is not None}
        rest = json.dumps(line).encode() + b"\n"
        while rest:  # a disk that becomes full may take a part without complaint
            rest = rest[self._file.write(rest) :]
        if self._trackers is not None:
            shown = {name: line[name] for name in line if name not in ("kind", "step")}
            self._trackers.write(figures.kind, figures.step, shown)

    def sync(self) -> int:
        """Waits until all lines are on the disk -> the length of the file in bytes."""
        os.fsync(self._file.fileno())
        return self._length()

    def close(self) -> None:
        self._file.close()
        if self._trackers is not None:
            self._trackers.close()

    def _length(self) -> int:
        return os.fstat(self._file.fileno()).st_size


def read_figures(run: Path, kind: Literal["train", "valid"]) -> Iterator[dict[str, Any]]:
    """The lines of one kind, without a last one that a killed run has not finished.

    Raises a UserError for any other line that is not ours.
    """
    for number, figures in scan_figures(run):
        if figures is None:
            raise UserError(
                f"line {number} of {run / METRICS} cannot be read",
                help="the file was damaged: remove that line, or bring the old file back",
            )
        if figures["kind"] == kind:
            yield figures


def scan_figures(run: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield each line with its number, None for one that is not ours.

    A last line that a killed run has not finished is left out.
    """
    path = run / METRICS
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    lines = text.splitlines()
    is_whole = text.endswith(("}", "\n"))
    for number, line in enumerate(lines, start=1):
        if number < len(lines) or is_whole:
            yield number, _figures(line)


def _figures(line: str) -> dict[str, Any] | None:
    try:
        figures = json.loads(line)
    except ValueError:
        return None
    return figures if isinstance(figures, dict) and figures.keys() >= IN_EACH_LINE else None
