"""The columns that a table of rows may have: their keys, their names, their units."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A column of numbers: its `name`, and how it is written.

    A number is written in units of `unit`, which `name` tells, with `digits` after the point.
    A `compared` column is followed by one of differences to the base; a `repeated` column is, like
    a setting, blank where it equals the base's.
    """

    key: str
    name: str
    digits: int
    unit: float = 1.0
    compared: bool = False
    repeated: bool = False

    def fitting(self, numbers: Collection[float]) -> "Measure":
        """Return the column in the largest unit in which the smallest number keeps two digits."""
        least = min((abs(each) for each in numbers if each), default=math.inf)
        units = ((name, unit) for name, unit in UNITS.get(self.key, ()) if least >= unit / 10)
        name, unit = next(units, (self.name, self.unit))
        return replace(self, name=name, unit=unit)

    @property
    def is_better_low(self) -> bool:
        """Tell whether a smaller number is a better one."""
        return self.key.endswith(("loss", "ppl"))

    @property
    def is_size(self) -> bool:
        """Tell whether the number is known before the row has run."""
        return self.key in ("params", "flops")


_SCORES = (
    ("loss", "loss", 3),
    ("ppl", "PPL", 2),
    ("accuracy", "accuracy", 3),
    ("bleu", "BLEU", 2),
    ("chrf", "chrF", 2),
    ("macro_f1", "macro F1", 3),
    ("mrr", "MRR", 3),
)
MEASURES = {
    measure.key: measure
    for measure in (
        Measure(key="params", name="params ×10⁶", digits=2, unit=1e6, repeated=True),
        Measure(key="flops", name="FLOPs ×10¹⁵", digits=2, unit=1e15, repeated=True),
        Measure(key="train_steps", name="train steps", digits=0, repeated=True),
        Measure(key="train_loss", name="train loss", digits=3, compared=True),
        *(
            Measure(key=f"{split}_{key}", name=f"{split} {name}", digits=digits, compared=True)
            for split in ("valid", "test")
            for key, name, digits in _SCORES
        ),
        Measure(key="tokens_per_second", name="tokens/s", digits=0),
        Measure(key="minutes", name="minutes", digits=1),
    )
}
UNITS = {
    "params": (("params ×10⁶", 1e6), ("params ×10³", 1e3), ("params", 1.0)),
    "flops": tuple(
        (f"FLOPs ×10{power}", unit)
        for power, unit in (("¹⁵", 1e15), ("¹²", 1e12), ("⁹", 1e9), ("⁶", 1e6), ("³", 1e3))
    ),
    "minutes": (("minutes", 1.0), ("seconds", 1 / 60)),
}
"""The units that the numbers of a column may be written in, the largest first."""

if TYPE_CHECKING:
    Column = str
else:
    Column = Literal[tuple(MEASURES)]

OF_TOKENS = ("loss", "ppl", "accuracy")
"""Scores that are means over tokens, by what the column ends with."""


def is_measured(column: Column, task: str) -> bool:
    """Tell whether a task has the score of a column; losses are scores of every task."""
    _, _, score = column.partition("_")
    tasks = [name for name, each in TASKS.items() if score in each.scores_beside_losses]
    return not tasks or task in tasks


def needs_test_set(column: Column) -> bool:
    """Tell whether the column is a score of `data.test`."""
    return column.startswith("test_")


def usual_columns(spec: Spec) -> tuple[Column, ...]:
    """Return the columns of a file that names none: test scores where the base has a test set."""
    columns = ("params", "train_steps", *TASKS[spec.task].columns)
    return tuple(each for each in columns if spec.data.test or not needs_test_set(each))
