"""`specformer plot`: the curves of runs, or the schedules of specs, as a picture or as text."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from runtime.command.options import Force, Settings
from runtime.command.output import report
from runtime.command.page import terminal_width
from runtime.command.pictures import check_picture, write_picture
from runtime.errors import UserError
from runtime.system.terminal import Console, plain

if TYPE_CHECKING:
    from compiler.page.chart import Chart, Panel
    from runtime.command.plot_sources import Source

WIDTH = 80
PARTS = {
    "loss": "loss in nats a label",
    "perplexity": "perplexity",
    "bleu": "BLEU of the validation set",
    "learning_rate": "learning rate",
    "tokens_per_second": "tokens a second",
}
FROM_ZERO = ("learning_rate", "tokens_per_second")
DASHED = "Loss and perplexity: the solid line is the validation set, the dashed one the training."
Name = StrEnum("Name", ["loss", "perplexity", "bleu", "learning_rate", "tokens_per_second"])
Axis = StrEnum(
    "Axis", ["updates", "loss", "perplexity", "bleu", "learning_rate", "tokens_per_second"]
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
        typer.Option("--log", help="Axes that show powers of ten.  [default: that of perplexity]"),
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
    chart = make_chart(sources, curve or list(PARTS), log or ["perplexity"])
    if out is not None:
        write_picture(chart_svg(chart), out, force=force)
        for note in chart.notes[chart.notes[:1] == (DASHED,) :]:
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
    return [
        read_run(Path(each)) if is_run(each) else read_spec(load(each, settings), each)
        for each in things
    ]


def refuse_folders(things: Sequence[str]) -> None:
    """Refuse a folder that holds no run."""
    from runtime.command.plot_sources import is_run

    for each in things:
        if Path(each).is_dir() and not is_run(each):
            raise UserError(
                f"{each} is not the folder of a run: it has no metrics.jsonl",
                help="name the folder that `specformer train --out` was given",
            )


def make_chart(sources: Sequence["Source"], names: Sequence[str], log: Sequence[str]) -> "Chart":
    """Return the chart of the curves that the sources have.

    Raises a UserError if they have none of these, or if an axis of powers of ten is asked for what
    is zero everywhere.
    """
    from compiler.page.chart import Chart

    panels = [panel for name in PARTS if name in names if (panel := _panel(name, sources, log))]
    if not panels:
        raise UserError(
            f"there are no figures of {', '.join(names)} in {', '.join(e.name for e in sources)}",
            help="a spec has its learning_rate alone; leave --curve out to see what a run has",
        )
    is_dashed = any(line.is_dashed for panel in panels for line in panel.lines)
    missing = [f"{source.name}: {note}." for source in sources for note in source.notes]
    is_of_specs = all("loss" not in source.curves for source in sources)
    return Chart(
        title="Learning-rate schedule" if is_of_specs else "Training",
        across="updates",
        series=short_names([each.name for each in sources]),
        panels=tuple(panels),
        notes=(*([DASHED] if is_dashed else []), *missing),
        is_logarithmic="updates" in log,
    )


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the last parts of paths where these differ, else the paths."""
    last = [Path(each).name for each in names]
    return tuple(last if len(set(last)) == len(last) else names)


def _panel(name: str, sources: Sequence["Source"], log: Sequence[str]) -> "Panel | None":
    """Return a panel with the curves of this name; None where nobody has one."""
    from compiler.page.chart import Line, Panel

    is_logarithmic = name in log
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

    width = terminal_width()
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    is_unicode = width is not None and encoding.startswith("utf")
    rows = list(chart_lines(chart, min(WIDTH, width or WIDTH), is_unicode=is_unicode))
    if width is None:
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
