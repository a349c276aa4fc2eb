"""The columns that a table of rows may have."""

from typing import Literal

from compiler.spec.spec import Spec

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

OF_ONE_TASK = {"bleu": "translation", "chrf": "translation", "macro_f1": "classification"}
"""Scores that mean something to one task alone, by what the column ends with."""

OF_TOKENS = ("loss", "ppl", "accuracy")
"""Scores that are means over tokens, by what the column ends with."""


def task_of_column(column: Column) -> str | None:
    """The only task that has it, if there is only one."""
    return OF_ONE_TASK.get(column.partition("_")[2])


def needs_test_set(column: Column) -> bool:
    """Whether the column is a score of `data.test`."""
    return column.startswith("test_")


def usual_columns(spec: Spec) -> tuple[Column, ...]:
    """The columns of a file that names none: with test scores where the base has a test set."""
    columns: tuple[Column, ...]
    match spec.task:
        case "translation":
            columns = ("params", "train_steps", "valid_ppl", "valid_bleu", "test_bleu")
        case "classification":
            columns = ("params", "train_steps", "valid_accuracy", "test_accuracy")
        case _:
            columns = ("params", "train_steps", "valid_ppl", "test_ppl")
    return tuple(each for each in columns if spec.data.test or not needs_test_set(each))
