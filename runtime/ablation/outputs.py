"""The outputs of an ablation: its table, and the files that are written into its folder."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.page.latex import latex
from compiler.page.markdown import markdown
from compiler.page.model import Table
from compiler.page.text import as_csv, text
from runtime.ablation.collect import Ablation, read_ablation
from runtime.ablation.consistency import refuse_mixture, refuse_strangers
from runtime.ablation.grid import make_grid, row_values, run_values
from runtime.ablation.learning import Curve, read_curves
from runtime.ablation.lengths import lengths_or_reason
from runtime.ablation.report import make_report
from runtime.ablation.table import Results, make_results
from runtime.system.atomic_files import explained_disk_errors, replace_file

NO_MATPLOTLIB = (
    "There are no learning curves, because matplotlib is not installed: "
    "`pip install matplotlib`, then the same command with `--report`."
)
NO_LOOKS = "There are no learning curves as yet: no run has looked at the validation set."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated:
    """An ablation with its results, in numbers and in words."""

    ablation: Ablation
    results: Results
    grid: Table
    lengths: Table | None = None
    """BLEU by the length of sources, where it is asked for."""


def tabulate(folder: Path) -> Tabulated:
    """Raise a UserError if runs may not stand in one table, or are not what was queued."""
    ablation = read_ablation(folder)
    refuse_mixture(ablation)
    refuse_strangers(ablation)
    lengths, reason = lengths_or_reason(ablation)
    results = make_results(ablation)
    grid = make_grid(results)
    if reason:
        grid = replace(grid, notes=(*grid.notes, reason))
    return Tabulated(ablation=ablation, results=results, grid=grid, lengths=lengths)


def write_reports(tabulated: Tabulated) -> list[Path]:
    """Write all files into the folder -> their paths.

    Raises a UserError if the disk is full.
    """
    folder = tabulated.ablation.folder
    curves = read_curves(tabulated.ablation)
    pictures = draw(curves)
    files = table_files(tabulated) | pictures
    page = make_report(
        tabulated.ablation,
        tabulated.results,
        tabulated.grid,
        curves=pictures.get("curves.svg", b"").decode(),
        no_curves=NO_MATPLOTLIB if curves else NO_LOOKS,
        lengths=tabulated.lengths,
    )
    files["report.html"] = page.encode()
    with explained_disk_errors(folder):
        for name, content in files.items():
            replace_file(folder / name, content)
    return [folder / name for name in files]


def table_files(tabulated: Tabulated) -> dict[str, bytes]:
    """Return the contents of the files that hold the table, by their names."""
    results, grid = tabulated.results, tabulated.grid
    caption = f"{results.title}: variations of {results.base.name}"
    texts = {
        "table.txt": text(grid),
        "table.md": markdown(grid),
        "table.tex": latex(grid, caption, results.title),
        "table.csv": as_csv(row_values(results)),
        "runs.csv": as_csv(run_values(tabulated.ablation, results)),
    }
    if tabulated.lengths is not None:
        lengths = tabulated.lengths
        texts |= {
            "lengths.txt": text(lengths),
            "lengths.md": markdown(lengths),
            "lengths.csv": as_csv(lengths),
        }
    return {name: each.encode() for name, each in texts.items()}


def draw(curves: Sequence[Curve]) -> dict[str, bytes]:
    """Return the curves as pictures; none where nothing is to be drawn, or nothing can draw."""
    if not curves or importlib.util.find_spec("matplotlib") is None:
        return {}
    from runtime.ablation.curves import draw_png, draw_svg

    return {"curves.svg": draw_svg(curves).encode(), "curves.png": draw_png(curves)}
