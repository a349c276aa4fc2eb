"""The records of an ablation's folder: queue, results, failures; and what is made of them.

ablation.json             the queue; rows may join it, and what is in it stays
rows/<row>-seed<n>/
    package/              what will run, its lock and its code: compiled when it was queued
    difference.html       what the row changes against the base, of a page
    run/                  the run, once it has begun
    result.json           its scores, written when all is done
    failure.json          why it has ended without; gone once it has begun again
    output.txt            what it has said
computation.json          the precision of all rows that leave it to the machine
jobs/                     what a cluster's jobs leave
tuning/                   a folder like this one: the short runs by which rows choose a setting
table.{txt,md,tex,csv}    the table; `runs.csv` has a line for each run
lengths.{txt,md,csv}      BLEU by the length of sources, where it is asked for
curves.{svg,png}          the learning curves
report.html               the page with all of it
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from runtime.errors import UserError
from runtime.system.atomic_files import replace_file
from runtime.system.checksummed import read_sealed_file, sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """The hashes of a run: what it has in common with those beside it, and what is its own.

    All are SHA-256 in hexadecimal: of the resolved spec; of the generated files; of the settings of
    its data and of the files that these name; of the settings of its scores.
    """

    spec: str
    code: str
    data: str
    protocol: str


def run_name(row: str, seed: int) -> str:
    """`base-seed1`: of the run, and of its folder."""
    return f"{row}-seed{seed}"


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
    flops: int | None
    """Operations of all updates together, forward and backward; None where only the time of the
    training is known.
    """

    @property
    def name(self) -> str:
        """The name of its folder."""
        return run_name(self.row, self.seed)


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
    lengths: tuple[int, ...] = ()
    """Lengths of sources in words, up to which BLEU is tabulated apart."""
    notes: tuple[str, ...] = ()
    """What a reader of the table should know of how its rows came about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a run.

    `scores` has one number for each measured column that the task knows, whether asked for or not,
    by the names of `compiler/ablation/columns.py`; losses are in nats a label. `signatures` say
    how: of the scores that have one. `versions` are those of run.json: what computed it.
    """

    version: Literal[1] = 1
    scores: dict[str, float]
    signatures: dict[str, str]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason why a run has ended without a result; `help` is the way out, if there is one."""

    reason: str
    help: str = ""
    has_diverged: bool = False
    """True if a loss or gradient was not finite, so that running the row again would not help."""


QUEUE, RESULT, FAILURE, OUTPUT = "ablation.json", "result.json", "failure.json", "output.txt"
ROWS, PACKAGE, RUN, DIFFERENCE = "rows", "package", "run", "difference.html"
COMPUTATION = "computation.json"
JOBS = "jobs"
"""The folder into which jobs of a cluster write."""
TUNING = "tuning"
"""The folder of the short runs by which rows choose a setting."""

Record = TypeVar("Record", Queue, Result, Failure)


def read_record(path: Path, kind: type[Record]) -> Record:
    """Raise a UserError if the file is not what we write."""
    content = read_sealed_file(path)
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path} cannot be read: {f'{where}: ' if where else ''}{first['msg']}",
            help="it was changed by hand or written by another version of specformer",
        ) from error


def write_record(path: Path, record: Queue | Result | Failure) -> None:
    """Whole or not at all."""
    replace_file(path, sealed(asdict(record)))


def write_failure(folder: Path, failure: Failure) -> None:
    """Write why a row has no result."""
    write_record(folder / FAILURE, failure)
