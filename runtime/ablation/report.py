"""One self-contained page: the table, the curves, and what each row changes a click away."""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runtime.ablation.collect import Ablation
from runtime.ablation.details import row_details
from runtime.ablation.provenance import provenance
from runtime.ablation.render.grid import Grid
from runtime.ablation.render.html import anchor, html_heads, html_row
from runtime.ablation.table import Table

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
    ablation: Ablation, table: Table, grid: Grid, *, curves: str, no_curves: str, style: str
) -> str:
    """The whole page.

    `curves` is a picture as SVG, or empty for the reason `no_curves`; `style` is the CSS of the
    differences that lie in the folders of the rows.
    """
    values = {
        "title": table.title,
        "base": table.base,
        "lead": lead(ablation),
        "caption": f"Variations of {table.base}. A click on the head of a column sorts by it.",
        "heads": html_heads(grid),
        "records": [html_row(grid, record) for record in grid.records],
        "notes": grid.notes,
        "curves": inline(curves),
        "curves_caption": CURVES.format(base=table.base),
        "no_curves": no_curves,
        "rows": [row_details(row, ablation, table) for row in ablation.rows],
        "measures": [measure.name for measure in table.measures],
        "provenance": provenance(ablation, table),
        "failures": failures(ablation),
        "css": page_file("report.css") + Markup(style),
        "script": page_file("report.js"),
    }
    return environment().get_template("report.html").render(values)


def inline(svg: str) -> Markup:
    """A picture as a part of the page, with a name for those who cannot see it."""
    named = '<svg role="img" aria-label="Learning curves: validation loss against updates"'
    return Markup(BEFORE_SVG.sub("", svg).replace("<svg", named, 1))


def page_file(name: str) -> Markup:
    return Markup((PAGE / name).read_text(encoding="utf-8"))


def lead(ablation: Ablation) -> str:
    """How far it has come, in a sentence."""
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
    """Runs that have failed: name, anchor and reason."""
    return [
        (outcome.queued.name, anchor(outcome.queued.row), outcome.state)
        for outcome in ablation.outcomes
        if outcome.failure is not None
    ]
