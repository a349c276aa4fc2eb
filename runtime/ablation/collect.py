"""An ablation's folder, read: its rows, and what has become of each of their runs."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runtime.ablation.record import (
    FAILURE,
    QUEUE,
    RESULT,
    ROWS,
    RUN,
    Failure,
    Queue,
    Queued,
    Result,
    read_record,
)
from runtime.errors import UserError

LONGEST_STATE = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A queued run and what has become of it: a result, a failure, or neither as yet."""

    queued: Queued
    folder: Path
    result: Result | None
    failure: Failure | None

    @property
    def state(self) -> str:
        """In words."""
        if self.result is not None:
            return "finished"
        if self.failure is not None:
            return self.failure.reason
        return "not finished" if (self.folder / RUN).exists() else "not run"

    @property
    def end(self) -> str:
        """The state in so few words that a cell holds them; a remark has it in full."""
        if self.failure is not None and self.failure.has_diverged:
            return "diverged"
        return self.state if len(self.state) <= LONGEST_STATE else "failed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One row of the table: the same settings with each seed."""

    name: str
    group: str
    settings: dict[str, str]
    outcomes: tuple[Outcome, ...]

    @property
    def finished(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.result is not None]

    @property
    def unfinished(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.result is None]

    @property
    def state(self) -> str:
        """The reason why there are no results at all, a word for each kind of end; else empty."""
        if self.finished:
            return ""
        return ", ".join(dict.fromkeys(outcome.end for outcome in self.outcomes))

    @property
    def remark(self) -> str:
        """The seeds that are missing, and the reasons, which are too long for a cell."""
        if all(outcome.state == "not run" for outcome in self.outcomes) or not self.unfinished:
            return ""
        seeds = defaultdict(list)
        for outcome in self.unfinished:
            seeds[outcome.state].append(outcome.queued.seed)
        missing = "; ".join(f"{_say_seeds(each)}: {state}" for state, each in seeds.items())
        return f"{len(self.finished)} of {len(self.outcomes)} runs have a result; {missing}"

    @property
    def first(self) -> Outcome:
        """For what all seeds have in common: the settings, the size, the difference."""
        return self.outcomes[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ablation:
    """All of a folder."""

    folder: Path
    queue: Queue
    rows: tuple[Row, ...]

    @property
    def base(self) -> Row:
        return next(row for row in self.rows if row.name == self.queue.base)

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for row in self.rows for outcome in row.outcomes]

    @property
    def finished(self) -> list[Outcome]:
        return [outcome for row in self.rows for outcome in row.finished]

    @property
    def seeds(self) -> list[int]:
        return sorted({outcome.queued.seed for outcome in self.outcomes})


def _say_seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def read_ablation(folder: Path) -> Ablation:
    """Raise a UserError if the folder has no queue, or something in it cannot be read."""
    if not (folder / QUEUE).is_file():
        raise UserError(
            f"{folder} is not the folder of an ablation: it has no {QUEUE}",
            help="`specformer ablate FILE` makes one",
        )
    queue = read_record(folder / QUEUE, Queue)
    outcomes = [_outcome(folder, queued) for queued in queue.queued]
    names = dict.fromkeys(queued.row for queued in queue.queued)
    if queue.base not in names:
        raise UserError(
            f"{folder / QUEUE} has no row {queue.base}, which the others are compared with",
            help="the file was changed by hand: bring the old one back",
        )
    return Ablation(folder=folder, queue=queue, rows=tuple(_row(name, outcomes) for name in names))


def _row(name: str, outcomes: Iterable[Outcome]) -> Row:
    own = tuple(outcome for outcome in outcomes if outcome.queued.row == name)
    queued = own[0].queued
    return Row(name=name, group=queued.group, settings=queued.settings, outcomes=own)


def _outcome(folder: Path, queued: Queued) -> Outcome:
    place = folder / ROWS / queued.name
    result = read_record(place / RESULT, Result) if os.path.lexists(place / RESULT) else None
    failed = result is None and os.path.lexists(place / FAILURE)
    failure = read_record(place / FAILURE, Failure) if failed else None
    return Outcome(queued=queued, folder=place, result=result, failure=failure)
