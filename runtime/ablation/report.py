"""One self-contained page: the table, the curves, and what each row changes a click away."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compiler.ablation.columns import Measure
from compiler.diff.settings import values_of
from compiler.page import html
from compiler.page.html import table
from compiler.page.model import Cell, Column, Table, columns
from runtime.ablation.collect import Ablation, Outcome, Row
from runtime.ablation.consistency import read_spec
from runtime.ablation.grid import anchor, format_number, tone_of
from runtime.ablation.learning import label_of
from runtime.ablation.record import DIFFERENCE, RUN, Locked
from runtime.ablation.table import Results, number_of, setting_columns

PAGE = Path(__file__).parent / "page"
CURVES = (
    "Loss on the validation set against updates, in nats a label, without label smoothing; the "
    "steep beginning is cut off. A line is the mean over the seeds that got so far, its band "
    "reaches from the lowest to the highest of them; {base} is the thick line in each panel. Where "
    "a line ends early, all runs of its row have ended."
)
BEFORE_SVG = re.compile(r"^.*?(?=<svg)", re.DOTALL)


@cache
def environment() -> Environment:
    """Text is escaped; a name without a value is an error."""
    return Environment(
        loader=PackageLoader("runtime.ablation", "page"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )


def make_report(
    ablation: Ablation,
    results: Results,
    grid: Table,
    *,
    curves: str,
    no_curves: str,
    lengths: Table | None = None,
) -> str:
    """Return the whole page.

    `curves` is a picture as SVG, or empty for the reason `no_curves`; `lengths` has BLEU by the
    length of sources.
    """
    caption = f"Variations of {results.base.name}. A click on the head of a column sorts by it."
    values = {
        "title": results.title,
        "base": results.base.name,
        "lead": lead(ablation),
        "table": Markup(html.table(grid, 'class="results" data-sortable', caption)),
        "notes": grid.notes,
        "lengths": Markup(html.table(lengths, 'class="results"')) if lengths else "",
        "lengths_notes": lengths.notes if lengths else (),
        "curves": inline(curves),
        "curves_caption": CURVES.format(base=results.base.name),
        "no_curves": no_curves,
        "rows": [row_details(row, ablation, results) for row in ablation.rows],
        "provenance": provenance(ablation, results),
        "failures": failures(ablation),
        "css": page_file("report.css") + Markup(html.style()),
        "script": page_file("report.js"),
    }
    return environment().get_template("report.html").render(values)


def inline(svg: str) -> Markup:
    """Return a picture as a part of the page, with a name for those who cannot see it."""
    named = '<svg role="img" aria-label="Learning curves: validation loss against updates"'
    return Markup(BEFORE_SVG.sub("", svg).replace("<svg", named, 1))


def page_file(name: str) -> Markup:
    return Markup((PAGE / name).read_text(encoding="utf-8"))


def lead(ablation: Ablation) -> str:
    """Return how far the ablation has come, in a sentence."""
    runs, done = len(ablation.outcomes), len(ablation.finished)
    seeds = len(ablation.seeds)
    failed = sum(outcome.failure is not None for outcome in ablation.outcomes)
    parts = [
        f"{len(ablation.rows)} rows, {f'{seeds} seeds' if seeds > 1 else 'one seed'} each",
        f"{'all' if done == runs else f'{done} of'} {runs} runs have a result",
        *([f"{failed} failed"] if failed else []),
    ]
    return f"{'; '.join(parts)}."


def failures(ablation: Ablation) -> list[tuple[str, str, str]]:
    """Return name, anchor and reason of each run that has failed."""
    return [
        (outcome.queued.name, anchor(outcome.queued.row), outcome.state)
        for outcome in ablation.outcomes
        if outcome.failure is not None
    ]


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


Facts = list[tuple[str, str]]


def provenance(ablation: Ablation, results: Results) -> list[tuple[str, Facts]]:
    """Facts under titles; what is not known is left out."""
    locked = ablation.base.first.queued.locked
    sections = [
        ("Data", [*settings(ablation, "data"), ("hash", locked.data[:12])]),
        ("Decoding", settings(ablation, "decoding")),
        ("Protocol", [*settings(ablation, "evaluation"), ("hash", locked.protocol[:12])]),
        ("Signatures", [(key, value) for key, value in results.signatures.items()]),
        ("Versions", versions(ablation)),
        ("Training", [("seeds", ", ".join(map(str, results.seeds))), *machine(ablation)]),
    ]
    return [(title, facts) for title, facts in sections if facts]


def settings(ablation: Ablation, section: str) -> Facts:
    """Return the settings of a section of the base's lock."""
    spec = read_spec(ablation.base.first)
    values = values_of(spec) if spec else {}
    pairs = ((key.partition("."), value) for key, value in values.items())
    return [(rest, value) for (first, _, rest), value in pairs if first == section]


def versions(ablation: Ablation) -> Facts:
    """Return the versions, which are the same for all runs: `refuse_mixture` sees to it."""
    results = (outcome.result for outcome in ablation.finished if outcome.result is not None)
    first = next(results, None)
    return [] if first is None else list(first.versions.items())


def machine(ablation: Ablation) -> Facts:
    """Return each kind of machine once, as the checkpoints that are still there name it."""
    kinds = dict.fromkeys(
        kind for outcome in ablation.finished for kind in machines(outcome.folder / RUN)
    )
    return [("computed on", kind) for kind in kinds]


def machines(run: Path) -> Iterator[str]:
    for path in sorted(run.glob("checkpoints/*/checkpoint.json")):
        found = json.loads(path.read_bytes())["machine"]
        threads, processes = found["threads"], found["processes"]
        yield f"{found['device']}, threads: {threads}, processes: {processes}"
