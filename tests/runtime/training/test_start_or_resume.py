"""Where a run goes on under changed settings."""

from typing import Any

import pytest

from compiler.spec.training import Training, Validation
from runtime.checkpoints.checkpoint import Batching, Machine, Record
from runtime.checkpoints.progress import Progress
from runtime.training.start_or_resume import continued_progress

pytestmark = pytest.mark.quick

PROGRESS = Progress(step=50, epoch=3, batch=7, best_step=40, best_score=2.5, looks_without_better=1)
RECORD = Record(
    state=PROGRESS,
    metric="loss",
    batching=Batching(tokens=100, seed=1),
    metrics_bytes=0,
    machine=Machine(torch_version="2", device="cpu", threads=1, processes=1),
    files={},
)


def recipe(metric: Any = "loss", **settings: Any) -> Training:
    defaults: dict[str, Any] = {
        "batch_tokens": 100,
        "steps": 1000,
        "validation": Validation(metric=metric),
    }
    return Training(**(defaults | settings))


def test_a_longer_run_goes_on_where_it_was() -> None:
    assert continued_progress(RECORD, recipe(steps=2000), "padded") == PROGRESS


def test_the_same_batches_from_other_settings_are_the_same() -> None:
    assert continued_progress(RECORD, recipe(batch_tokens=400, accumulate=4), "padded").batch == 7


def test_other_batches_begin_the_epoch_anew() -> None:
    for settings in ({"batch_tokens": 200}, {"accumulate": 2}, {"seed": 2}):
        progress = continued_progress(RECORD, recipe(**settings), "padded")
        assert (progress.step, progress.epoch, progress.batch) == (50, 3, 0)


def test_batches_of_another_form_begin_the_epoch_anew() -> None:
    """A run that a former version began may go on with a GPU."""
    progress = continued_progress(RECORD, recipe(), "buckets")
    assert (progress.step, progress.epoch, progress.batch) == (50, 3, 0)


def test_another_metric_has_no_best_yet() -> None:
    progress = continued_progress(RECORD, recipe("bleu"), "padded")
    assert (progress.best_step, progress.best_score, progress.looks_without_better) == (
        None,
        None,
        0,
    )
    assert (progress.step, progress.batch) == (50, 7)
