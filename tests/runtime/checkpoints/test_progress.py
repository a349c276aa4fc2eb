"""Where a run stands and what it does next."""

from typing import Any

import pytest

from compiler.spec.training import Training, Validation
from runtime.checkpoints.progress import (
    Progress,
    after_update,
    after_validation,
    ending,
    is_better,
    is_validation_due,
    with_other_batches,
)

pytestmark = pytest.mark.quick


def recipe(*, steps: int = 100, **validation: Any) -> Training:
    return Training(batch_tokens=10, steps=steps, validation=Validation(**validation))


def test_an_update_moves_on_within_the_epoch() -> None:
    progress = after_update(Progress(), batches=5, taken=2, seconds=1.5)
    assert progress == Progress(step=1, epoch=1, batch=2, seconds=1.5, seconds_of_updates=1.5)


def test_the_last_update_of_an_epoch_may_be_a_short_one() -> None:
    progress = after_update(Progress(step=2, epoch=1, batch=4), batches=5, taken=1, seconds=0.0)
    assert (progress.step, progress.epoch, progress.batch) == (3, 2, 0)


@pytest.mark.parametrize(
    ("progress", "epoch"),
    [(Progress(), 1), (Progress(epoch=2, batch=0), 1), (Progress(epoch=2, batch=1), 2)],
)
def test_last_epoch_is_that_of_the_newest_update(progress: Progress, epoch: int) -> None:
    assert progress.last_epoch == epoch


def test_a_look_is_due_every_so_many_updates_and_once() -> None:
    training = recipe(every=10)
    assert not is_validation_due(Progress(), training)
    assert not is_validation_due(Progress(step=9), training)
    assert is_validation_due(Progress(step=10), training)
    assert not is_validation_due(Progress(step=10, looked=10), training)


def test_a_look_is_due_at_the_end_of_an_epoch() -> None:
    training = recipe(every="epoch")
    assert is_validation_due(Progress(step=7, epoch=2, batch=0), training)
    assert not is_validation_due(Progress(step=7, epoch=2, batch=3), training)


def test_a_look_is_due_after_the_last_update() -> None:
    assert is_validation_due(Progress(step=25, batch=3), recipe(steps=25, every=10))


def test_the_end_comes_after_the_last_look() -> None:
    training = recipe(steps=25, every=10)
    assert ending(Progress(step=25, looked=20), training) is None
    assert ending(Progress(step=25, looked=25), training) == "steps"


def test_the_end_comes_when_patience_is_spent() -> None:
    training = recipe(every=10, patience=2)
    assert ending(Progress(step=30, looked=30, looks_without_better=1), training) is None
    assert ending(Progress(step=40, looked=40, looks_without_better=2), training) == "patience"


def test_a_better_look_is_remembered_and_a_worse_one_counted() -> None:
    settings = Validation(metric="loss")
    first = after_validation(Progress(step=10), 3.0, settings, seconds=1.0)
    second = after_validation(
        Progress(step=20, best_step=10, best_score=3.0), 3.5, settings, seconds=1.0
    )
    assert (first.best_step, first.best_score, first.looks_without_better) == (10, 3.0, 0)
    assert (second.best_step, second.best_score, second.looks_without_better) == (10, 3.0, 1)


def test_losses_fall_and_bleu_rises() -> None:
    assert is_better(1.0, None, "loss")
    assert is_better(1.0, 2.0, "loss")
    assert not is_better(2.0, 2.0, "loss")
    assert is_better(2.0, 1.0, "bleu")
    assert not is_better(1.0, 2.0, "bleu")


def test_other_batches_are_no_end_of_an_epoch() -> None:
    """Or a run that goes on with smaller batches would look at the validation set at once."""
    training = recipe(every="epoch")
    within = with_other_batches(Progress(step=7, epoch=2, batch=3, looked=4), training)
    assert (within.batch, within.epoch) == (0, 2)
    assert not is_validation_due(within, training)
    at_the_end = Progress(step=7, epoch=3, batch=0, looked=4)
    assert is_validation_due(with_other_batches(at_the_end, training), training)
    due = Progress(step=20, epoch=2, batch=3, looked=10)
    assert is_validation_due(with_other_batches(due, recipe(every=10)), recipe(every=10))
    last = Progress(step=training.steps, epoch=2, batch=3, looked=4)
    assert is_validation_due(with_other_batches(last, training), training)
