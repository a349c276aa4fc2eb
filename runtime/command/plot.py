"""`specformer plot`: the curves of runs, or the schedules of specs, as a picture or as text."""

import os
import sys
from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from runtime.command.options import Force, Settings
from runtime.command.output import report
from runtime.command.page import page_width, terminal_width
from runtime.command.pictures import check_picture, write_picture
from runtime.errors import UserError
from runtime.system.terminal import Console, plain

if TYPE_CHECKING:
    from compiler.page.chart import Chart, Panel
    from runtime.command.plot_sources import Source

WIDTH, WIDEST = 80, 120
"""Columns of a chart where no width is known, and of the widest one."""
PARTS = {
    "loss": "loss (nats)",
    "perplexity": "perplexity",
    "bleu": "BLEU, validation set",
    "learning_rate": "learning rate",
    "micro_batches": "micro-batches of an update",
    "context": "tokens of the longest text",
    "tokens_per_second": "tokens per second",
}
FROM_ZERO = ("learning_rate", "micro_batches", "context", "tokens_per_second")
ALWAYS_LOGARITHMIC = "perplexity"
DASHED = "loss and perplexity of the training set, beside those of the validation set"
SMOOTHED = (
    "The loss is the cross-entropy with label smoothing, as `train` prints it; perplexity is that "
    "without."
)
Name = StrEnum(
    "Name",
    [
        "loss",
        "perplexity",
        "bleu",
        "learning_rate",
        "micro_batches",
        "context",
        "tokens_per_second",
    ],
)
Axis = StrEnum(
    "Axis",
    [
        "updates",
        "loss",
        "perplexity",
        "bleu",
        "learning_rate",
        "micro_batches",
        "context",
        "tokens_per_second",
    ],
)


def plot(
    things: Annotated[
        list[str], typer.Argument(metavar="RUN|SPEC...", help="Folders of runs, or specs.")
    ],
    curve: Annotated[
        list[Name] | None, typer.Option("--curve", help="Only these curves; by default all.")
    ] = None,
    log: Annotated[
        list[Axis] | None,
        typer.Option("--log", help="Axes that show powers of ten, as that of perplexity does."),
    ] = None,
    settings: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="A picture: .svg; .pdf and .png with the extra `report`."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Draw loss, perplexity, BLEU, learning rate and speed of runs, or the schedule of a spec."""
    if out is not None:
        check_picture(out, force=force)
    from compiler.page.chart import chart_svg

    sources = read_sources(things, settings or [])
    chart = make_chart(sources, curve or list(PARTS), log or [])
    if out is not None:
        write_picture(chart_svg(chart), out, force=force)
        for note in missing(sources):
            report(note)
    else:
        print_chart(chart)


def read_sources(things: Sequence[str], settings: Sequence[str]) -> list["Source"]:
    """Return the curves of runs and specs; raises a UserError or `Rejected` if one has none."""
    from compiler.page.chart import MOST_COLOURS
    from compiler.spec.load import load
    from runtime.command.plot_sources import is_run, read_run, read_spec

    if len(things) > MOST_COLOURS:
        raise UserError(
            f"a chart shows at most {MOST_COLOURS} lines that can be told apart, and here are "
            f"{len(things)}",
            help="name fewer runs or specs",
        )
    if settings and all(map(is_run, things)):
        raise UserError("--set changes specs, and here are only runs", help="leave --set out")
    refuse_folders(things)
    refuse_missing_paths(things)
    return [
        read_run(Path(each)) if is_run(each) else read_spec(load(each, settings), each)
        for each in things
    ]


def refuse_missing_paths(things: Sequence[str]) -> None:
    """Refuse a path at which nothing is, unless it is the name of a spec's file."""
    for each in things:
        if "/" in each and not each.endswith((".yaml", ".yml")) and not os.path.lexists(each):
            raise UserError(
                f"there is no run {each}", help="`specformer runs` lists the runs below `runs`"
            )


def refuse_folders(things: Sequence[str]) -> None:
    """Refuse a folder that holds no run."""
    from runtime.ablation.record import QUEUE, ROWS, RUN
    from runtime.command.plot_sources import is_run

    for each in things:
        if os.path.isdir(each) and not is_run(each):
            is_ablation = Path(each, QUEUE).is_file()
            raise UserError(
                f"{each} is not the folder of a run: it has no metrics.jsonl",
                help=f"it is an ablation: its runs are {Path(each, ROWS, '*', RUN)}"
                if is_ablation
                else "name the folder that `specformer train --out` was given",
            )


def make_chart(sources: Sequence["Source"], names: Sequence[str], log: Sequence[str]) -> "Chart":
    """Return the chart of the curves that the sources have.

    Raises a UserError if they have none of these, or if an axis of powers of ten is asked for what
    is not drawn, or is zero everywhere.
    """
    from compiler.page.chart import Chart

    found = {name: _panel(name, sources, log) for name in PARTS if name in names}
    panels = {name: panel for name, panel in found.items() if panel is not None}
    if not panels:
        raise UserError(
            f"there are no figures of {', '.join(names)} in {', '.join(e.name for e in sources)}",
            help=_why_absent(names, sources),
        )
    refuse_idle_axes(log, panels)
    is_dashed = any(line.is_dashed for panel in panels.values() for line in panel.lines)
    is_smoothed = "loss" in panels and any(each.is_smoothed for each in sources)
    is_of_specs = all("loss" not in source.curves for source in sources)
    return Chart(
        title=_title(panels) if is_of_specs else "Training",
        across="updates",
        series=short_names([each.name for each in sources]),
        panels=tuple(panels.values()),
        dashed=DASHED if is_dashed else "",
        notes=(*([SMOOTHED] if is_smoothed else []), *missing(sources)),
        is_logarithmic="updates" in log,
    )


def _title(panels: Collection[str]) -> str:
    """Return the title of a chart of specs."""
    return "Learning-rate schedule" if [*panels] == ["learning_rate"] else "Schedules"


def _why_absent(names: Sequence[str], sources: Sequence["Source"]) -> str:
    """Return what is to be done about curves that nobody has."""
    from runtime.command.plot_sources import is_run, why_no_bleu

    runs = [each.name for each in sources if is_run(each.name)]
    reasons = [reason for each in runs if (reason := why_no_bleu(Path(each)))]
    if list(names) == ["bleu"] and reasons:
        return f"BLEU of the validation set: {reasons[0]}; `evaluate` scores a run at its end"
    if not runs:
        return "a spec has its schedules alone: learning_rate, and those of warm-ups that it has"
    return "leave --curve out to see what a run has"


def refuse_idle_axes(log: Sequence[str], panels: Collection[str]) -> None:
    """Raises a UserError for an axis of powers of ten that no panel has."""
    if others := [each for each in log if each not in (*panels, "updates")]:
        raise UserError(
            f"--log {others[0]} has no effect: no {others[0]} is drawn",
            help=f"drawn are {', '.join(panels)}; --log updates is the horizontal axis of each",
        )


def missing(sources: Sequence["Source"]) -> list[str]:
    """Return sentences about what runs lack."""
    return [f"{source.name}: {note}." for source in sources for note in source.notes]


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the last parts of paths where these differ, else the paths."""
    last = [Path(each).name for each in names]
    return tuple(last if len(set(last)) == len(last) else names)


def _panel(name: str, sources: Sequence["Source"], log: Sequence[str]) -> "Panel | None":
    """Return a panel with the curves of this name; None where nobody has one."""
    from compiler.page.chart import Line, Panel

    is_logarithmic = name in (*log, ALWAYS_LOGARITHMIC)
    lines = []
    for series, source in enumerate(sources):
        curves = source.curves.get(name, [])
        for curve in curves:
            points = tuple(p for p in curve.points if p[1] > 0 or not is_logarithmic)
            is_dashed = curve.part == "train" and any(e.part == "valid" for e in curves)
            if points:
                lines.append(Line(series=series, points=points, is_dashed=is_dashed))
    if not lines:
        return None
    return Panel(
        title=PARTS[name],
        lines=tuple(lines),
        is_logarithmic=is_logarithmic,
        begins_at_zero=name in FROM_ZERO,
    )


def print_chart(chart: "Chart") -> None:
    """Print the chart as text: in colours and Braille on terminals that know Unicode."""
    from compiler.page.chart import colours
    from compiler.page.terminal_chart import chart_lines

    is_terminal = terminal_width() is not None
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    is_unicode = is_terminal and encoding.startswith("utf")
    width = min(WIDEST, page_width() or WIDTH)
    rows = list(chart_lines(chart, width, is_unicode=is_unicode))
    if not is_terminal:
        for row in rows:
            typer.echo("".join(piece.words for piece in row).rstrip())
        return
    own = colours(len(chart.series))
    whole = Text()
    for row in rows:
        for piece in row:
            whole.append(plain(piece.words), "" if piece.series is None else own[piece.series])
        whole.append("\n")
    Console().print(whole, soft_wrap=True, end="")
