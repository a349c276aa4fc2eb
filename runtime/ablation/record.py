"""What an ablation's folder holds: the queue, which is written once, and the result of each run.

ablation.json             the queue
rows/<row>-seed<n>/
    package/              what will run, its lock and its code: compiled when it was queued
    difference.html       what the row changes against the base, of a page
    run/                  the run, once it has begun
    result.json           its scores, written when all is done
    failure.json          why it has ended without; gone once it has begun again
    output.txt            what it has said
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What a run must have in common with those beside it in a table, and what is its own.

    All are SHA-256 in hexadecimal: of the resolved spec; of the generated files; of the settings of
    its data and of the files that these name; of the settings of its scores.
    """

    spec: str
    code: str
    data: str
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One row with one seed.

    `settings` are those that the row sets, by dotted key, as one writes them; the base has none.
    """

    row: str
    group: str
    seed: int
    settings: dict[str, str]
    locked: Locked
    parameters: int
    flops: int
    """Of all updates, forward and backward."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.row}-seed{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """All rows of an ablation, the base first, then in the order of the file."""

    version: Literal[1] = 1
    ablation: str
    base: str
    """The row that others are compared with."""
    columns: tuple[str, ...]
    varied: dict[str, str]
    """The settings that some row sets, by dotted key, with the value of the base: columns, too."""
    queued: tuple[Queued, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run has come to.

    `scores` has one number for each measured column, whether asked for or not: train_steps,
    train_loss, valid_loss (nats a label), valid_ppl, valid_accuracy, valid_bleu, test_bleu,
    valid_chrf, test_chrf, tokens_per_second, minutes; those that the task knows. `signatures` say
    how: of the scores that have one. `versions` are those of run.json: what computed it.
    """

    version: Literal[1] = 1
    scores: dict[str, float]
    signatures: dict[str, str]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run has ended without a result; `help` is the way out, where there is one."""

    reason: str
    help: str = ""
