"""The progress of a run, and what comes next: pure functions of a few numbers."""

from dataclasses import dataclass, replace
from typing import Literal

from compiler.spec.training import Training, Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a run between two updates.

    `epoch` (from 1) and `batch` (from 0) name the batch that comes next; `looked` is the update
    after which the last validation was, or after which there is to be none; `seconds` is the
    time spent so far, of which updates took `seconds_of_updates`.
    """

    step: int = 0
    epoch: int = 1
    batch: int = 0
    looked: int = 0
    best_step: int | None = None
    best_score: float | None = None
    looks_without_better: int = 0
    seconds: float = 0.0
    seconds_of_updates: float = 0.0

    def share(self, training: Training) -> float:
        """Return the share of the time of a training that is spent; 0 where none is set."""
        if training.minutes is None:
            return 0.0
        return min(1.0, self.seconds_of_updates / (60 * training.minutes))

    def is_at_end(self, training: Training) -> bool:
        """Return whether no update is left."""
        return self.step >= training.updates or self.share(training) == 1.0

    @property
    def last_epoch(self) -> int:
        """The epoch of the newest update, which may have been its last."""
        return self.epoch if self.batch else max(self.epoch - 1, 1)


Ending = Literal["steps", "minutes", "patience"]
Metric = Literal["loss", "bleu", "accuracy"]


def ending(progress: Progress, training: Training) -> Ending | None:
    """Returns the reason why the run is over, or None. A validation follows the last update."""
    patience = training.validation.patience
    if patience is not None and progress.looks_without_better >= patience:
        return "patience"
    if not progress.is_at_end(training) or progress.looked != progress.step:
        return None
    return "steps" if training.minutes is None else "minutes"


def is_validation_due(progress: Progress, training: Training) -> bool:
    """Return whether a validation comes before the next update."""
    if progress.looked == progress.step:
        return False
    if progress.is_at_end(training):
        return True
    every = training.validation.every
    return progress.batch == 0 if every == "epoch" else progress.step % every == 0


def with_other_batches(progress: Progress, training: Training) -> Progress:
    """Begins the epoch anew. No validation is due for that in its midst."""
    is_within = progress.batch > 0 and not progress.is_at_end(training)
    is_skipped = is_within and training.validation.every == "epoch"
    looked = progress.step if is_skipped else progress.looked
    return replace(progress, batch=0, looked=looked)


def after_update(progress: Progress, *, batches: int, taken: int, seconds: float) -> Progress:
    """`taken` batches of the epoch's `batches` have made one update."""
    batch = progress.batch + taken
    ended = batch >= batches
    return replace(
        progress,
        step=progress.step + 1,
        epoch=progress.epoch + 1 if ended else progress.epoch,
        batch=0 if ended else batch,
        seconds=progress.seconds + seconds,
        seconds_of_updates=progress.seconds_of_updates + seconds,
    )


def after_validation(
    progress: Progress, score: float, validation: Validation, *, seconds: float
) -> Progress:
    """Returns the progress after a validation that gave `score`."""
    looked = replace(progress, looked=progress.step, seconds=progress.seconds + seconds)
    if not is_better(score, progress.best_score, validation.metric):
        return replace(looked, looks_without_better=progress.looks_without_better + 1)
    return replace(looked, best_step=progress.step, best_score=score, looks_without_better=0)


def is_better(score: float, best: float | None, metric: Metric) -> bool:
    """A loss is better when it is lower, BLEU and accuracy when they are higher."""
    if best is None:
        return True
    return score < best if metric == "loss" else score > best
