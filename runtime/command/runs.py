"""`specformer runs`: what became of every training, one line a run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.page.model import Cell, Table, Tone, columns
from compiler.page.text import as_csv
from runtime.command.page import print_page
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.command.run_overview import RunOverview, Score

HEADS = ("run", "task", "state", "updates", "validation", "scores", "settings that differ")
TONES: dict[str, Tone] = {"damaged": "bad", "training": "strong", "empty": "absent"}
SHOWN = 4
"""Differences of a run that a line of the table names; JSON and CSV have all."""
PERCENTAGES = {"bleu": "BLEU", "chrf": "chrF"}
"""Scores of 0 to 100, which papers give with two decimals."""
FACTS = ("run", "task", "state", "updates", "steps", "valid_metric", "valid")


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...", help="Runs, or folders of runs, ablations included.  [runs]"
        ),
    ] = None,
    form: Annotated[Literal["text", "markdown", "json", "csv"], typer.Option("--format")] = "text",
) -> None:
    """List runs: task, state, updates, best validation, scores, and how each spec differs.

    Settings are compared with those of the first run of the list.
    """
    from runtime.command.run_overview import find_runs, overviews

    places = folders or [Path("runs")]
    found = overviews(find_runs(places))
    if not found:
        raise UserError(
            f"there is no run in {', '.join(map(str, places))}",
            help="`specformer train demo` makes one, in `runs/demo`",
        )
    if form == "json":
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
    elif form == "csv":
        typer.echo(as_csv(values_of(found)), nl=False)
    else:
        print_page(table_of(found), form)


def table_of(found: Sequence["RunOverview"]) -> Table:
    """Return the table of runs for people."""
    rows = tuple(
        (
            each.folder,
            each.task,
            Cell(text=each.state, tone=TONES.get(each.state, "")),
            _updates(each),
            _score(each.best) if each.best else "",
            ", ".join(f"{score.split} {_score(score)}" for score in each.scores),
            _differences(each),
        )
        for each in found
    )
    return Table(columns=columns(HEADS, right=("updates",)), rows=rows)


def _updates(run: "RunOverview") -> str:
    of_all = f" of {run.steps:,}" if run.steps else ""
    return f"{run.updates:,}{of_all}" if run.updates else ""


def _score(score: "Score") -> str:
    if name := PERCENTAGES.get(score.measure):
        return f"{name} {score.value:.2f}"
    return f"{score.measure.replace('_', ' ')} {score.value:.4g}"


def _differences(run: "RunOverview") -> str:
    if run.problem:
        return run.problem
    parts = [f"{each.setting}: {each.here}" for each in run.differences]
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def values_of(found: Sequence["RunOverview"]) -> Table:
    """Return the table for programs: a column for each score, and for each setting that differs."""
    scores = dict.fromkeys((each.split, each.measure) for run in found for each in run.scores)
    settings = {each.setting: each.first for run in found for each in run.differences}
    heads = (*FACTS, *(f"{split}_{measure}" for split, measure in scores), *settings)
    rows = []
    for run in found:
        own = {(each.split, each.measure): str(each.value) for each in run.scores}
        values = settings | {each.setting: each.here for each in run.differences}
        rows.append(
            (
                *(run.folder, run.task, run.state, str(run.updates), str(run.steps or "")),
                *((run.best.measure, str(run.best.value)) if run.best else ("", "")),
                *(own.get(each, "") for each in scores),
                *values.values(),
            )
        )
    return Table(columns=columns(heads), rows=tuple(rows))
