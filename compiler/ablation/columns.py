"""The columns that a table of rows may have."""

from typing import Literal, cast

from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS

Column = Literal[
    "params",
    "flops",
    "train_steps",
    "train_loss",
    "valid_loss",
    "valid_ppl",
    "valid_accuracy",
    "valid_bleu",
    "valid_chrf",
    "valid_macro_f1",
    "test_loss",
    "test_ppl",
    "test_accuracy",
    "test_bleu",
    "test_chrf",
    "test_macro_f1",
    "tokens_per_second",
    "minutes",
]

OF_TOKENS = ("loss", "ppl", "accuracy")
"""Scores that are means over tokens, by what the column ends with."""


def is_measured(column: Column, task: str) -> bool:
    """Returns whether a task has the score of a column; losses are scores of every task."""
    _, _, score = column.partition("_")
    tasks = [name for name, each in TASKS.items() if score in each.scores_beside_losses]
    return not tasks or task in tasks


def needs_test_set(column: Column) -> bool:
    """Tell whether the column is a score of `data.test`."""
    return column.startswith("test_")


def usual_columns(spec: Spec) -> tuple[Column, ...]:
    """The columns of a file that names none: with test scores where the base has a test set."""
    scores = cast(tuple[Column, ...], TASKS[spec.task].columns)
    columns: tuple[Column, ...] = ("params", "train_steps", *scores)
    return tuple(each for each in columns if spec.data.test or not needs_test_set(each))
