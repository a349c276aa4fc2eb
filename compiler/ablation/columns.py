"""The columns that a table of rows may have."""

from typing import Literal

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


def usual_columns(task: str) -> tuple[Column, ...]:
    """Those of a file that names none."""
    match task:
        case "translation":
            return ("params", "train_steps", "valid_ppl", "valid_bleu", "test_bleu")
        case "classification":
            return ("params", "train_steps", "valid_accuracy", "test_accuracy")
        case _:
            return ("params", "train_steps", "valid_ppl", "test_ppl")
