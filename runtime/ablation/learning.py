"""The learning curves of the rows: losses on the validation set."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.ablation.collect import Ablation, Row
from runtime.ablation.record import RUN
from runtime.ablation.table import Setting, group_label, setting_columns
from runtime.training.metrics import read_figures

LONGEST_LABEL = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The losses of all seeds that got so far, in nats a label, without label smoothing."""

    step: int
    losses: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.losses) / len(self.losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The curve of one row. Curves of a panel stand together."""

    row: str
    panel: str
    label: str
    is_base: bool
    points: tuple[Point, ...]


def read_curves(ablation: Ablation) -> list[Curve]:
    """Return the curves of rows that were validated at least once, the base first."""
    columns = setting_columns(ablation)
    curves = [
        Curve(
            row=row.name,
            panel=group_label(row.group) or row.name,
            label=label_of(row, columns),
            is_base=row is ablation.base,
            points=read_points(row),
        )
        for row in ablation.rows
    ]
    return [curve for curve in curves if curve.points]


def label_of(row: Row, columns: Iterable[Setting]) -> str:
    """Return what the row sets, if that is short, and its name otherwise."""
    values = ((each.name, row.settings.get(each.keys[0])) for each in columns)
    label = ", ".join(f"{name} = {value}" for name, value in values if value is not None)
    return label if 0 < len(label) <= LONGEST_LABEL else row.name


def read_points(row: Row) -> tuple[Point, ...]:
    losses = defaultdict(list)
    for outcome in row.outcomes:
        for step, loss in read_losses(outcome.folder / RUN):
            losses[step].append(loss)
    return tuple(Point(step=step, losses=tuple(losses[step])) for step in sorted(losses))


def read_losses(run: Path) -> Iterator[tuple[int, float]]:
    """Update and loss at each look whose loss is finite."""
    for figures in read_figures(run, "valid"):
        if math.isfinite(figures["nll"]):
            yield figures["step"], figures["nll"]
