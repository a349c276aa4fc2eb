"""The progress of a run, and what comes next: pure functions of a few numbers."""

from dataclasses import dataclass, replace
from typing import Literal

from compiler.spec.training import Training, Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The progress of a run between two updates.

    `epoch` (from 1) and `batch` (from 0) name the batch that comes next; `looked` is the update
    after which the last validation was, or after which there is to be none; `seconds` is the
    time spent so far.
    """

    step: int = 0
    epoch: int = 1
    batch: int = 0
    looked: int = 0
    best_step: int | None = None
    best_score: float | None = None
    looks_without_better: int = 0
    seconds: float = 0.0

    @property
    def last_epoch(self) -> int:
        """The epoch of the newest update, which may have been its last."""
        return self.epoch if self.batch else max(self.epoch - 1, 1)


Ending = Literal["steps", "patience"]
Metric = Literal["loss", "bleu", "accuracy"]


def ending(state: State, training: Training) -> Ending | None:
    """Returns the reason why the run is over, or None. A validation follows the last update."""
    patience = training.validation.patience
    if patience is not None and state.looks_without_better >= patience:
        return "patience"
    return "steps" if state.step >= training.updates and state.looked == state.step else None


def is_look_due(state: State, training: Training) -> bool:
    """Tells whether a validation comes before the next update."""
    if state.looked == state.step:
        return False
    if state.step >= training.updates:
        return True
    every = training.validation.every
    return state.batch == 0 if every == "epoch" else state.step % every == 0


def with_other_batches(state: State, training: Training) -> State:
    """Begins the epoch anew. No validation is due for that in its midst."""
    every, is_within = training.validation.every, state.batch > 0 and state.step < training.updates
    looked = state.step if every == "epoch" and is_within else state.looked
    return replace(state, batch=0, looked=looked)


def after_update(state: State, *, batches: int, taken: int, seconds: float) -> State:
    """`taken` batches of the epoch's `batches` have made one update."""
    batch = state.batch + taken
    ended = batch >= batches
    return replace(
        state,
        step=state.step + 1,
        epoch=state.epoch + 1 if ended else state.epoch,
        batch=0 if ended else batch,
        seconds=state.seconds + seconds,
    )


def after_look(state: State, score: float, validation: Validation, *, seconds: float) -> State:
    """Returns the progress after a validation that gave `score`."""
    looked = replace(state, looked=state.step, seconds=state.seconds + seconds)
    if not is_better(score, state.best_score, validation.metric):
        return replace(looked, looks_without_better=state.looks_without_better + 1)
    return replace(looked, best_step=state.step, best_score=score, looks_without_better=0)


def is_better(score: float, best: float | None, metric: Metric) -> bool:
    """A loss is better when it is lower, BLEU and accuracy when they are higher."""
    if best is None:
        return True
    return score < best if metric == "loss" else score > best
