"""Scores a run as its task is scored."""

from collections.abc import Callable
from typing import Any

from compiler.spec.tasks import TASKS
from runtime.run import Run
from runtime.scoring.classification import measure_classification
from runtime.scoring.embedding import measure_embedding
from runtime.scoring.likelihood import measure_language_model, measure_masked_language_model
from runtime.scoring.measures import Measured, Split
from runtime.scoring.translations import Evaluated, evaluate_translations

MEASURES: dict[str, Callable[..., Evaluated | Measured]] = {
    "translate": evaluate_translations,
    "generate": measure_language_model,
    "fill": measure_masked_language_model,
    "classify": measure_classification,
    "embed": measure_embedding,
}
"""Scores what answers each command."""


def evaluate_run(run: Run, split: Split, **options: Any) -> Evaluated | Measured:
    """Returns the scores of a run on a split; `options` are those of its measure."""
    return MEASURES[TASKS[run.package.spec.task].command](run, split, **options)
