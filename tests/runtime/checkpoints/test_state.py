"""Where a run stands and what it does next."""

from typing import Any

import pytest

from compiler.spec.training import Training, Validation
from runtime.checkpoints.progress import (
    State,
    after_look,
    after_update,
    ending,
    is_better,
    is_look_due,
    with_other_batches,
)

pytestmark = pytest.mark.quick


def recipe(*, steps: int = 100, **validation: Any) -> Training:
    return Training(batch_tokens=10, steps=steps, validation=Validation(**validation))


def test_an_update_moves_on_within_the_epoch() -> None:
    state = after_update(State(), batches=5, taken=2, seconds=1.5)
    assert state == State(step=1, epoch=1, batch=2, seconds=1.5)


def test_the_last_update_of_an_epoch_may_be_a_short_one() -> None:
    state = after_update(State(step=2, epoch=1, batch=4), batches=5, taken=1, seconds=0.0)
    assert (state.step, state.epoch, state.batch) == (3, 2, 0)


@pytest.mark.parametrize(
    ("state", "epoch"), [(State(), 1), (State(epoch=2, batch=0), 1), (State(epoch=2, batch=1), 2)]
)
def test_last_epoch_is_that_of_the_newest_update(state: State, epoch: int) -> None:
    assert state.last_epoch == epoch


def test_a_look_is_due_every_so_many_updates_and_once() -> None:
    training = recipe(every=10)
    assert not is_look_due(State(), training)
    assert not is_look_due(State(step=9), training)
    assert is_look_due(State(step=10), training)
    assert not is_look_due(State(step=10, looked=10), training)


def test_a_look_is_due_at_the_end_of_an_epoch() -> None:
    training = recipe(every="epoch")
    assert is_look_due(State(step=7, epoch=2, batch=0), training)
    assert not is_look_due(State(step=7, epoch=2, batch=3), training)


def test_a_look_is_due_after_the_last_update() -> None:
    assert is_look_due(State(step=25, batch=3), recipe(steps=25, every=10))


def test_the_end_comes_after_the_last_look() -> None:
    training = recipe(steps=25, every=10)
    assert ending(State(step=25, looked=20), training) is None
    assert ending(State(step=25, looked=25), training) == "steps"


def test_the_end_comes_when_patience_is_spent() -> None:
    training = recipe(every=10, patience=2)
    assert ending(State(step=30, looked=30, looks_without_better=1), training) is None
    assert ending(State(step=40, looked=40, looks_without_better=2), training) == "patience"


def test_a_better_look_is_remembered_and_a_worse_one_counted() -> None:
    settings = Validation(metric="loss")
    first = after_look(State(step=10), 3.0, settings, seconds=1.0)
    second = after_look(State(step=20, best_step=10, best_score=3.0), 3.5, settings, seconds=1.0)
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
    within = with_other_batches(State(step=7, epoch=2, batch=3, looked=4), training)
    assert (within.batch, within.epoch) == (0, 2)
    assert not is_look_due(within, training)
    at_the_end = State(step=7, epoch=3, batch=0, looked=4)
    assert is_look_due(with_other_batches(at_the_end, training), training)
    due = State(step=20, epoch=2, batch=3, looked=10)
    assert is_look_due(with_other_batches(due, recipe(every=10)), recipe(every=10))
    last = State(step=training.steps, epoch=2, batch=3, looked=4)
    assert is_look_due(with_other_batches(last, training), training)
