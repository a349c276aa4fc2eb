"""Line charts: panels with lines over one horizontal axis, as SVG."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.page.svg import (
    INK,
    MUTED,
    PAPER,
    QUIET,
    RULE,
    STRONG,
    element,
    fitted,
    number,
    picture,
    text,
    text_width,
    wrapped,
)
from compiler.page.ticks import linear_ticks, logarithmic_ticks, tick_words

MOST_COLOURS = len(MUTED)
SIZE, SMALL, TITLE = 12, 11, 13
PANEL, ALONE = (380.0, 230.0), (620.0, 340.0)
"""Width and height of the plot of one panel of several, and of one alone."""
LEFT, RIGHT, TOP, BOTTOM, EDGE = 66.0, 140.0, 34.0, 46.0, 16.0
ABREAST = 2
MOST_MARKED = 20
"""Points of a line that are shown one by one."""
LINE_HEIGHT = 14.0
ABOVE = 4.0
"""What lies at least between the horizontal axis and the baseline of a label at a line's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points (x, y), by x; `series` says whose they are, and by it lines have their colours.

    Dashed lines are described in the legend of the chart and get no label at their end.
    """

    series: int
    points: tuple[tuple[float, float], ...]
    is_dashed: bool = False

    @property
    def is_marked(self) -> bool:
        """Tell whether the points are so few that each of them is shown."""
        return len(self.points) <= MOST_MARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A plot of its own; with `is_logarithmic` its vertical axis shows powers of ten."""

    title: str
    lines: tuple[Line, ...]
    is_logarithmic: bool = False
    begins_at_zero: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Panels over one horizontal axis; `series` are the names of what is compared."""

    title: str
    across: str
    series: tuple[str, ...]
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    dashed: str = ""
    """What dashed lines are, where there are any."""
    is_logarithmic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis from its first tick to its last."""

    ticks: tuple[float, ...]
    is_logarithmic: bool

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies: 0 at the first tick, 1 at the last."""
        low, high, value = (self._length(each) for each in (self.ticks[0], self.ticks[-1], value))
        return (value - low) / (high - low)

    def _length(self, value: float) -> float:
        return math.log10(value) if self.is_logarithmic else value


def axes(chart: Chart, panel: Panel) -> tuple[Axis, Axis]:
    """Return the horizontal axis, which all panels share, and the vertical one of a panel."""
    every = [point[0] for each in chart.panels for line in each.lines for point in line.points]
    own = [point[1] for line in panel.lines for point in line.points]
    if panel.begins_at_zero and not panel.is_logarithmic:
        own.append(0.0)
    across = every if chart.is_logarithmic else [0.0, *every]
    return _axis(across, chart.is_logarithmic), _axis(own, panel.is_logarithmic)


def _axis(values: Sequence[float], is_logarithmic: bool) -> Axis:
    """Return an axis for values, of which those of a logarithmic axis are positive."""
    ticks = logarithmic_ticks if is_logarithmic else linear_ticks
    return Axis(ticks=tuple(ticks(min(values), max(values))), is_logarithmic=is_logarithmic)


def colours(count: int) -> tuple[str, ...]:
    """Return colours for so many things, at most `MOST_COLOURS`, that all readers tell apart."""
    return STRONG if count <= len(STRONG) else MUTED


def chart_svg(chart: Chart) -> str:
    """Return the chart as a file: title, legend, panels side by side, notes."""
    width, height = ALONE if len(chart.panels) == 1 else PANEL
    cell = (LEFT + width + RIGHT, TOP + height + BOTTOM)
    columns = min(ABREAST, len(chart.panels))
    whole = columns * cell[0] + EDGE
    legend, below = _legend(chart, whole)
    content = [text(EDGE, 24, chart.title, font_size=16, font_weight="bold"), *legend]
    for place, panel in enumerate(chart.panels):
        x = LEFT + place % columns * cell[0]
        y = below + TOP + place // columns * cell[1]
        content.append(_panel(chart, panel, x, y, width, height))
    end = below + math.ceil(len(chart.panels) / columns) * cell[1]
    notes = [line for note in chart.notes for line in wrapped(note, whole - 2 * EDGE, SMALL)]
    for line in notes:
        end += LINE_HEIGHT
        content.append(text(EDGE, end, line, font_size=SMALL, fill=QUIET))
    names = ", ".join(panel.title for panel in chart.panels)
    about = f"{names} against {chart.across}: {', '.join(chart.series)}"
    return picture(whole, end + EDGE, content, title=chart.title, description=about)


def _legend(chart: Chart, width: float) -> tuple[list[str], float]:
    """Return the names beside pieces of their lines, and the height at which they end."""
    named = [*zip(chart.series, colours(len(chart.series)), strict=False)]
    named += [(chart.dashed, QUIET)] if chart.dashed else []
    parts, x, y = [], EDGE, 46.0
    for place, (name, colour) in enumerate(named):
        stroke = _stroke(colour, place == len(chart.series))
        shown = fitted(name, width - 3 * EDGE - 28, SIZE)
        long = 28 + text_width(shown, SIZE)
        if x > EDGE and x + long > width - EDGE:
            x, y = EDGE, y + 18
        parts.append(element("path", d=_path([(x, y - 4), (x + 20, y - 4)]), **stroke))
        parts.append(text(x + 28, y, shown, font_size=SIZE))
        x += long + 22
    return parts, y + 4


def _panel(chart: Chart, panel: Panel, x: float, y: float, width: float, height: float) -> str:
    across, up = axes(chart, panel)
    own = colours(len(chart.series))
    parts = [text(0, -12, panel.title, font_size=TITLE, font_weight="bold")]
    parts += _vertical(up, width, height)
    parts += _horizontal(across, chart.across, width, height)
    ends = []
    for line in panel.lines:
        points = [(across.share(a) * width, (1 - up.share(b)) * height) for a, b in line.points]
        parts += _drawn(line, points, own[line.series])
        if not line.is_dashed:
            ends.append((points[-1], line))
    parts += _end_labels(chart, ends, width, height)
    return element("g", parts, transform=f"translate({number(x)} {number(y)})")


def _vertical(axis: Axis, width: float, height: float) -> Iterator[str]:
    for tick in axis.ticks:
        y = (1 - axis.share(tick)) * height
        yield element("path", d=_path([(0, y), (width, y)]), stroke=RULE)
        words = tick_words(tick)
        yield text(-8, y + 4, words, font_size=SMALL, fill=QUIET, text_anchor="end")


def _horizontal(axis: Axis, name: str, width: float, height: float) -> Iterator[str]:
    yield element("path", d=_path([(0, height), (width, height)]), stroke=INK)
    for tick in axis.ticks:
        x = axis.share(tick) * width
        yield element("path", d=_path([(x, height), (x, height + 4)]), stroke=INK)
        yield text(
            *(x, height + 17, tick_words(tick)), font_size=SMALL, fill=QUIET, text_anchor="middle"
        )
    yield text(width / 2, height + 34, name, font_size=SMALL, fill=INK, text_anchor="middle")


def _drawn(line: Line, points: Sequence[tuple[float, float]], colour: str) -> Iterator[str]:
    """Yield a line through points of the picture; circles show them where they are few."""
    if len(points) > 1:
        yield element("path", d=_path(points), **_stroke(colour, line.is_dashed))
    if line.is_marked:
        for x, y in points:
            inner = {"fill": PAPER if line.is_dashed else colour, "stroke": colour}
            yield element("circle", cx=x, cy=y, r=2.5, **inner)


def _end_labels(
    chart: Chart, ends: Sequence[tuple[tuple[float, float], Line]], width: float, height: float
) -> Iterator[str]:
    """Yield the last value of each line beside its end, with its name where there are several."""
    own, in_order = colours(len(chart.series)), sorted(ends, key=lambda end: end[0][1])
    heights = spread([y + 4 for (_, y), _ in in_order], LINE_HEIGHT, height - ABOVE)
    for ((x, _), line), y in zip(in_order, heights, strict=True):
        value = shown_value(line.points[-1][1])
        named = f"{chart.series[line.series]} {value}" if len(chart.series) > 1 else value
        kept = named if text_width(named, SMALL) <= RIGHT - 10 else value
        place = x if len(ends) == 1 else width
        yield text(place + 6, y, kept, font_size=SMALL, fill=own[line.series])


def spread(heights: Sequence[float], apart: float, lowest: float) -> list[float]:
    """Return ascending heights moved down until they are `apart`, and up where the last is low."""
    moved: list[float] = []
    for each in heights:
        moved.append(max(each, moved[-1] + apart) if moved else each)
    ceiling = lowest
    for place in range(len(moved) - 1, -1, -1):
        moved[place] = min(moved[place], ceiling)
        ceiling = moved[place] - apart
    return moved


def shown_value(value: float) -> str:
    """Return a measured value in about four digits: `12,310`, `1.624`, `7.0e-4`."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{digits}f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _stroke(colour: str, is_dashed: bool = False) -> dict[str, str | float]:
    dashes: dict[str, str | float] = {"stroke_dasharray": "4 3", "stroke_opacity": 0.7}
    return {
        **{"stroke": colour, "stroke_width": 2, "fill": "none", "stroke_linejoin": "round"},
        **(dashes if is_dashed else {}),
    }


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
