"""One self-contained page: the table, the curves, and what each row changes a click away."""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compiler.page import html
from compiler.page.model import Table
from runtime.ablation.collect import Ablation
from runtime.ablation.details import row_details
from runtime.ablation.grid import anchor
from runtime.ablation.provenance import provenance
from runtime.ablation.table import Results

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
    ablation: Ablation, results: Results, grid: Table, *, curves: str, no_curves: str, style: str
) -> str:
    """Return the whole page.

    `curves` is a picture as SVG, or empty for the reason `no_curves`; `style` is the CSS of the
    differences that lie in the folders of the rows.
    """
    caption = f"Variations of {results.base}. A click on the head of a column sorts by it."
    values = {
        "title": results.title,
        "base": results.base,
        "lead": lead(ablation),
        "table": Markup(html.table(grid, 'class="results" data-sortable', caption)),
        "notes": grid.notes,
        "curves": inline(curves),
        "curves_caption": CURVES.format(base=results.base),
        "no_curves": no_curves,
        "rows": [row_details(row, ablation, results) for row in ablation.rows],
        "provenance": provenance(ablation, results),
        "failures": failures(ablation),
        "css": page_file("report.css") + Markup(style),
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
