"""The details that the report tells of one row: its settings, its runs, its difference."""

from dataclasses import dataclass

from markupsafe import Markup

from compiler.page.html import table
from compiler.page.model import Cell, Column, Table, columns
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.columns import Measure, setting_columns
from runtime.ablation.files import DIFFERENCE
from runtime.ablation.grid import anchor, format_number, tone_of
from runtime.ablation.learning import label_of
from runtime.ablation.record import Locked
from runtime.ablation.table import Results, number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDetails:
    """A row in words; `settings`, `runs` and `difference` are HTML."""

    name: str
    anchor: str
    what: str
    outcome: str
    tone: str
    settings: Markup
    runs: Markup
    helps: tuple[str, ...]
    difference: Markup
    locked: Locked


def row_details(row: Row, ablation: Ablation, results: Results) -> RowDetails:
    """Return what the report tells of a row."""
    what = "base" if row is ablation.base else label_of(row, setting_columns(ablation))
    return RowDetails(
        name=row.name,
        anchor=anchor(row.name),
        what="" if what == row.name else what,
        outcome=say_outcome(row),
        tone="" if row.finished else tone_of(row.first.state),
        settings=Markup(table(settings_table(row, ablation), caption="Settings")),
        runs=Markup(table(runs_table(row, results.measures), caption="Runs")),
        helps=say_helps(row),
        difference=read_difference(row),
        locked=row.first.queued.locked,
    )


def say_outcome(row: Row) -> str:
    """Return what has become of the row, for its summary."""
    done, runs = len(row.finished), len(row.outcomes)
    if not done:
        return row.first.state
    return "" if done == runs else f"{done} of {runs} runs have a result"


def settings_table(row: Row, ablation: Ablation) -> Table:
    """Return each setting of the row beside the value of the base."""
    varied, settings = ablation.queue.varied, row.settings.items()
    return Table(
        columns=(Column(name="setting", kind="row"), *columns((ablation.base.name, row.name))),
        rows=tuple((key, varied.get(key, ""), Cell(text=n, tone="strong")) for key, n in settings),
    )


def runs_table(row: Row, measures: tuple[Measure, ...]) -> Table:
    """Return a row for each run; numbers are blank where there is none."""
    numbers = (Column(name=each.name, align="right", kind="value") for each in measures)
    return Table(
        columns=(Column(name="seed", kind="row"), Column(name="state"), *numbers),
        rows=tuple(
            (str(outcome.queued.seed), state_cell(outcome), *number_cells(outcome, measures))
            for outcome in row.outcomes
        ),
    )


def state_cell(outcome: Outcome) -> Cell:
    """Return the state of a run; one that has no result stands out."""
    tone = "" if outcome.result is not None else tone_of(outcome.state)
    return Cell(text=outcome.state, tone=tone)


def number_cells(outcome: Outcome, measures: tuple[Measure, ...]) -> list[str]:
    """Return the numbers of a run in words."""
    pairs = ((each, number_of(outcome, each)) for each in measures)
    return ["" if number is None else format_number(each, number) for each, number in pairs]


def say_helps(row: Row) -> tuple[str, ...]:
    """Return the ways out of this row's failures, each once."""
    helps = (outcome.failure.help for outcome in row.outcomes if outcome.failure is not None)
    return tuple(dict.fromkeys(each for each in helps if each))


def read_difference(row: Row) -> Markup:
    """Return what was written when the row was queued; the base has none."""
    path = row.first.folder / DIFFERENCE
    return Markup(path.read_text(encoding="utf-8") if path.is_file() else "")
