"""What the report tells of one row: its settings, its runs, its difference to the base."""

from dataclasses import dataclass

from markupsafe import Markup

from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.columns import Measure, setting_columns
from runtime.ablation.files import DIFFERENCE
from runtime.ablation.learning import label_of
from runtime.ablation.record import Locked
from runtime.ablation.render.grid import format_number
from runtime.ablation.render.html import anchor, tone
from runtime.ablation.table import Table, number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A line of a row's runs; numbers are blank where there is none."""

    seed: int
    state: str
    tone: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDetails:
    """`changes` are keys with the base's value and the row's; `difference` is HTML."""

    name: str
    anchor: str
    what: str
    outcome: str
    tone: str
    changes: tuple[tuple[str, str, str], ...]
    runs: tuple[RunDetails, ...]
    helps: tuple[str, ...]
    difference: Markup
    locked: Locked


def row_details(row: Row, ablation: Ablation, table: Table) -> RowDetails:
    varied = ablation.queue.varied
    what = "base" if row is ablation.base else label_of(row, setting_columns(ablation))
    return RowDetails(
        name=row.name,
        anchor=anchor(row.name),
        what="" if what == row.name else what,
        outcome=say_outcome(row),
        tone="" if row.finished else tone(row.first.state),
        changes=tuple((key, varied.get(key, ""), value) for key, value in row.settings.items()),
        runs=tuple(run_details(outcome, table.measures) for outcome in row.outcomes),
        helps=say_helps(row),
        difference=read_difference(row),
        locked=row.first.queued.locked,
    )


def say_outcome(row: Row) -> str:
    """For the closed row."""
    done, runs = len(row.finished), len(row.outcomes)
    if not done:
        return row.first.state
    return "" if done == runs else f"{done} of {runs} runs have a result"


def run_details(outcome: Outcome, measures: tuple[Measure, ...]) -> RunDetails:
    numbers = (number_of(outcome, measure) for measure in measures)
    pairs = zip(measures, numbers, strict=True)
    return RunDetails(
        seed=outcome.queued.seed,
        state=outcome.state,
        tone="" if outcome.result is not None else tone(outcome.state),
        numbers=tuple("" if each is None else format_number(kind, each) for kind, each in pairs),
    )


def say_helps(row: Row) -> tuple[str, ...]:
    """The ways out of this row's failures, each once."""
    helps = (outcome.failure.help for outcome in row.outcomes if outcome.failure is not None)
    return tuple(dict.fromkeys(each for each in helps if each))


def read_difference(row: Row) -> Markup:
    """What was written when the row was queued; the base has none."""
    path = row.first.folder / DIFFERENCE
    return Markup(path.read_text(encoding="utf-8") if path.is_file() else "")
