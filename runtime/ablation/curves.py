"""Learning curves as a picture: validation loss against updates, a panel for each group of rows.

matplotlib is imported here alone. The same curves give the same bytes: no date, no random names.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from runtime.ablation.learning import Curve

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0568f", "#a67c00", "#3a9bdc")
"""After Okabe and Ito (2008), for red-, green- and blue-blind readers, on white and on black."""
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
INK, GRID, PAPER = "#24292f", "#d0d7de", "#ffffff"
DARK = {INK: "#e6edf3", GRID: "#3d444d", PAPER: "#0d1117"}
"""The colours where the reader prefers a dark page."""
PANELS_ABREAST = 3
PANEL = (3.5, 2.7)
"""Width and height in inches."""
BEGINNING = 0.8
"""The losses above this quantile are cut off: all curves begin alike, and steeply."""
STYLE: dict[Any, object] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "svg.fonttype": "none",
    "svg.hashsalt": "specformer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A group of curves; that of the base is drawn in each."""

    title: str
    curves: tuple[Curve, ...]


def draw_svg(curves: Sequence[Curve]) -> str:
    """For pages light and dark: text stays text, and colours follow the reader's choice."""
    file = io.StringIO()
    with mpl.rc_context(STYLE):
        make_figure(curves).savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    return add_dark_colours(file.getvalue())


def draw_png(curves: Sequence[Curve]) -> bytes:
    """Return the curves as a PNG on white, two pixels a point."""
    file = io.BytesIO()
    with mpl.rc_context(STYLE):
        make_figure(curves).savefig(file, format="png", dpi=160, metadata={"Software": None})
    return file.getvalue()


def add_dark_colours(svg: str) -> str:
    rules = "".join(
        f'[style*="{part}: {light}"] {{ {part}: {dark} !important }} '
        for light, dark in DARK.items()
        for part in ("stroke", "fill")
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{ {rules}}}</style>"
    head, defs, rest = svg.partition("<defs>")
    return f"{head}{style}{defs}{rest}"


def make_figure(curves: Sequence[Curve]) -> Figure:
    panels = arrange(curves)
    columns = min(PANELS_ABREAST, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flatten()
    for panel, place in zip(panels, axes, strict=False):
        draw_panel(place, panel)
    for place in axes[len(panels) :]:
        place.set_visible(False)
    axes[0].set_ylim(*limits(curves))
    figure.supxlabel("updates", fontsize=9)
    figure.supylabel("validation loss, nats a label", fontsize=9)
    return figure


def arrange(curves: Sequence[Curve]) -> list[Panel]:
    """A panel for each group, in order; the base alone has one only if there is nothing else."""
    base = [curve for curve in curves if curve.is_base]
    others = [curve for curve in curves if not curve.is_base]
    titles = dict.fromkeys(curve.panel for curve in others)
    panels = [
        Panel(
            title=title,
            curves=(*base, *(curve for curve in others if curve.panel == title)),
        )
        for title in titles
    ]
    return panels or [Panel(title=base[0].row, curves=tuple(base))]


def draw_panel(axes: Axes, panel: Panel) -> None:
    styles = zip(cycle(COLOURS), cycle(DASHES), strict=False)
    for curve in panel.curves:
        if curve.is_base:
            draw_curve(axes, curve, INK, "-", width=3.0)
        else:
            draw_curve(axes, curve, *next(styles), width=1.5)
    axes.set_title(panel.title, fontsize=10)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=3, labelbottom=True, labelleft=True)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(fontsize=8, frameon=False, loc="upper right", handlelength=2.4)


def draw_curve(axes: Axes, curve: Curve, colour: str, dashes: object, width: float) -> None:
    """The mean over the seeds, and a band from the lowest to the highest of them."""
    steps = [point.step for point in curve.points]
    low, high = ([pick(point.losses) for point in curve.points] for pick in (min, max))
    axes.fill_between(steps, low, high, color=colour, alpha=0.16, linewidth=0)
    label = f"{curve.row} (base)" if curve.is_base and curve.row != "base" else curve.label
    means = [point.mean for point in curve.points]
    axes.plot(steps, means, color=colour, linestyle=dashes, linewidth=width, label=label)


def limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the least and the greatest loss that is shown."""
    losses = sorted(loss for curve in curves for point in curve.points for loss in point.losses)
    high = losses[int(BEGINNING * (len(losses) - 1))]
    margin = 0.05 * (high - losses[0]) or 0.1
    return losses[0] - margin, high + margin
