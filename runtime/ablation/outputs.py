"""All that is made of an ablation's folder: the table on the terminal, and files in the folder."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.ablation.belonging import refuse_strangers
from runtime.ablation.collect import Ablation, read_ablation
from runtime.ablation.learning import Curve, read_curves
from runtime.ablation.mixing import refuse_mixture
from runtime.ablation.render.grid import Grid, make_grid
from runtime.ablation.render.latex import latex
from runtime.ablation.render.markdown import markdown
from runtime.ablation.render.text import fitting_table, plain_text
from runtime.ablation.render.values import runs_csv, table_csv
from runtime.ablation.report import make_report
from runtime.ablation.table import Table, make_table
from runtime.system.atomic_files import explained_disk_errors, replace_file
from runtime.system.terminal import Console

NO_MATPLOTLIB = (
    "There are no learning curves, because matplotlib is not installed: "
    "install the extra `report` of specformer, then the same command with `--report`."
)
NO_LOOKS = "There are no learning curves as yet: no run has looked at the validation set."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated:
    """An ablation with its table."""

    ablation: Ablation
    table: Table
    grid: Grid


def tabulate(folder: Path) -> Tabulated:
    """Raises a UserError if runs may not stand in one table, or are not what was queued."""
    ablation = read_ablation(folder)
    refuse_mixture(ablation)
    refuse_strangers(ablation)
    table = make_table(ablation)
    return Tabulated(ablation=ablation, table=table, grid=make_grid(table))


def terminal_table(grid: Grid) -> str:
    """The table with its notes, in colours if stdout is a terminal."""
    console = Console()
    if not console.is_terminal:
        return plain_text(grid)
    table, left_out = fitting_table(grid, console)
    with console.capture() as captured:
        console.print(table)
        for note in filter(None, (left_out, *grid.notes)):
            console.print(note, style="dim", markup=False, highlight=False)
    return captured.get()


def write_reports(tabulated: Tabulated, style: str = "") -> list[Path]:
    """Writes all files into the folder -> their paths; `style` is the CSS of the differences.

    Raises a UserError if the disk is full.
    """
    folder = tabulated.ablation.folder
    curves = read_curves(tabulated.ablation)
    pictures = draw(curves)
    files = table_files(tabulated) | pictures
    page = make_report(
        tabulated.ablation,
        tabulated.table,
        tabulated.grid,
        curves=pictures.get("curves.svg", b"").decode(),
        no_curves=NO_MATPLOTLIB if curves else NO_LOOKS,
        style=style,
    )
    files["report.html"] = page.encode()
    with explained_disk_errors(folder):
        for name, content in files.items():
            replace_file(folder / name, content)
    return [folder / name for name in files]


def table_files(tabulated: Tabulated) -> dict[str, bytes]:
    table, grid = tabulated.table, tabulated.grid
    texts = {
        "table.txt": plain_text(grid),
        "table.md": markdown(grid),
        "table.tex": latex(grid, table.title, table.base),
        "table.csv": table_csv(table),
        "runs.csv": runs_csv(tabulated.ablation, table),
    }
    return {name: text.encode() for name, text in texts.items()}


def draw(curves: Sequence[Curve]) -> dict[str, bytes]:
    """Nothing where there is nothing to draw, or nothing to draw with."""
    if not curves or importlib.util.find_spec("matplotlib") is None:
        return {}
    from runtime.ablation.curves import draw_png, draw_svg

    return {"curves.svg": draw_svg(curves).encode(), "curves.png": draw_png(curves)}
