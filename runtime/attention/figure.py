"""A figure of some heads for a paper, in the manner of Figures 3 to 5 of Vaswani et al. 2017.

The positions that read stand above, those that are read below, and a line joins each pair: a colour
a head, the darker the larger the weight.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from compiler.page.svg import FONT, INK, PAPER, element, escaped, number, text_width
from runtime.attention.attention import Attention, Layer
from runtime.attention.page import HEADS
from runtime.errors import UserError

SIZE, STEP, SPACE, MARGIN = 14.0, 22.0, 200.0, 8.0
"""Pixels: of the letters, from token to token, between the rows, and around all."""
LEAST = 0.01
"""A smaller weight would not be seen, and is not drawn."""
FORMATS = (".svg", ".pdf", ".png")
DOTS = 96
"""Pixels of CSS in an inch."""
NARROWER = 0.87
"""The widths of Arial beside those of the letters that matplotlib brings along."""
FINE = 2
"""Pixels of a PNG for one of the figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stroke between two points."""

    start: tuple[float, float]
    end: tuple[float, float]
    colour: str
    opacity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A coloured rectangle, from its upper left corner."""

    corner: tuple[float, float]
    size: tuple[float, float]
    colour: str
    opacity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Text that is read from below to above; it begins or `ends` at a point of its base line."""

    place: tuple[float, float]
    text: str
    ends: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Shapes from the back to the front, in pixels."""

    width: float
    height: float
    shapes: tuple[Line | Box | Words, ...]


def draw(
    attention: Attention,
    layer: Layer,
    heads: Sequence[int],
    *,
    token: str | None = None,
    joined: bool = False,
) -> Figure:
    """Return the figure of some heads, counted from 1.

    `token` keeps the lines of the queries with this text alone; `joined` draws words in the place
    of subwords. Raises a UserError for a head or a token that is not there.
    """
    most = len(layer.weights)
    if wrong := [each for each in heads if not 1 <= each <= most]:
        raise UserError(
            f"there is no head {wrong[0]} in layer {layer.layer} of the {layer.kind}",
            help=f"it has heads 1 to {most}",
        )
    streams = [attention.stream(layer.kind, axis) for axis in ("query", "key")]
    queries, keys = (each.words if joined else each.tokens for each in streams)
    weights = attention.words(layer).values if joined else layer.weights
    rows = _rows(queries, token)
    above, below = (max(text_width(each, SIZE) for each in texts) for texts in (queries, keys))
    top = MARGIN + above + 6
    bottom = top + SPACE
    shapes: list[Line | Box | Words] = [
        *_lines(weights, heads, rows, top, bottom),
        *_boxes(weights, heads, rows, bottom, below),
        *(Words(place=(_x(i), top - 6), text=each, ends=False) for i, each in enumerate(queries)),
        *(Words(place=(_x(j), bottom + 6), text=each, ends=True) for j, each in enumerate(keys)),
    ]
    width = 2 * MARGIN + STEP * max(len(queries), len(keys))
    height = bottom + 6 + below + MARGIN
    return Figure(width=width, height=height, shapes=tuple(shapes))


def _rows(queries: Sequence[str], token: str | None) -> list[int]:
    if token is None:
        return list(range(len(queries)))
    rows = [row for row, each in enumerate(queries) if each == token]
    if not rows:
        raise UserError(
            f"no position reads {token!r}: there are {' '.join(queries)}",
            help="give one of these to --token, or join subwords with --words",
        )
    return rows


def _x(index: int) -> float:
    return MARGIN + STEP * (index + 0.5)


def _lines(
    weights: np.ndarray, heads: Sequence[int], rows: Iterable[int], top: float, bottom: float
) -> Iterator[Line]:
    for row in rows:
        for head in heads:
            for key, weight in enumerate(weights[head - 1, row]):
                if weight >= LEAST:
                    yield Line(
                        start=(_x(row), top),
                        end=(_x(key), bottom),
                        colour=HEADS[(head - 1) % len(HEADS)],
                        opacity=min(1.0, float(weight)),
                    )


def _boxes(
    weights: np.ndarray, heads: Sequence[int], rows: Sequence[int], bottom: float, height: float
) -> Iterator[Box]:
    """Yield, for a single query, the shade behind each key: a part of its height for each head."""
    if len(rows) != 1:
        return
    part = (height + 8) / len(heads)
    for place, head in enumerate(heads):
        for key, weight in enumerate(weights[head - 1, rows[0]]):
            if weight >= LEAST:
                yield Box(
                    corner=(_x(key) - STEP / 2 + 1, bottom + 2 + place * part),
                    size=(STEP - 2, part),
                    colour=HEADS[(head - 1) % len(HEADS)],
                    opacity=0.8 * min(1.0, float(weight)),
                )


def as_svg(figure: Figure) -> str:
    """Return the figure as SVG."""
    width, height = number(figure.width), number(figure.height)
    background = element("rect", width=figure.width, height=figure.height, fill=PAPER)
    return (
        element(
            "svg",
            [background, *map(_svg, figure.shapes)],
            xmlns="http://www.w3.org/2000/svg",
            width=width,
            height=height,
            viewBox=f"0 0 {width} {height}",
            font_family=FONT,
            font_size=SIZE,
        )
        + "\n"
    )


def _svg(shape: Line | Box | Words) -> str:
    match shape:
        case Line(start=(x1, y1), end=(x2, y2)):
            return element(
                "line",
                **{"x1": x1, "y1": y1, "x2": x2, "y2": y2},
                stroke=shape.colour,
                stroke_width=2,
                stroke_opacity=f"{shape.opacity:.3f}",
            )
        case Box(corner=(x, y), size=(width, height)):
            opacity = f"{shape.opacity:.3f}"
            return element(
                "rect",
                **{"x": x, "y": y, "width": width, "height": height},
                fill=shape.colour,
                fill_opacity=opacity,
            )
        case Words(place=(x, y)):
            place = f"translate({number(x + SIZE / 3)} {number(y)}) rotate(-90)"
            anchor = "end" if shape.ends else "start"
            return element(
                "text", escaped(shape.text), transform=place, text_anchor=anchor, fill=INK
            )


def as_other(figure: Figure, form: str) -> bytes:
    """Return the figure as `.pdf` or `.png`. Raises a UserError where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure as Canvas
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise UserError(
            f"a figure as {form[1:].upper()} needs matplotlib, which is not installed",
            help="pip install 'specformer[report]'; or write an .svg, which needs nothing",
        ) from error
    canvas = Canvas(figsize=(figure.width / DOTS, figure.height / DOTS))
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, figure.width), ylim=(figure.height, 0))
    axes.axis("off")
    points = 72 / DOTS
    for shape in figure.shapes:
        match shape:
            case Line(start=(x1, y1), end=(x2, y2)):
                axes.plot(
                    [x1, x2], [y1, y2], color=shape.colour, alpha=shape.opacity, lw=2 * points
                )
            case Box():
                axes.add_patch(
                    Rectangle(
                        shape.corner, *shape.size, color=shape.colour, alpha=shape.opacity, lw=0
                    )
                )
            case Words(place=(x, y)):
                axes.text(
                    x,
                    y,
                    shape.text,
                    rotation=90,
                    fontsize=NARROWER * SIZE * points,
                    color=INK,
                    ha="center",
                    va="top" if shape.ends else "bottom",
                    parse_math=False,
                )
    written = BytesIO()
    metadata = {"CreationDate": None} if form == ".pdf" else {"Software": None}
    canvas.savefig(written, format=form[1:], dpi=DOTS * FINE, metadata=metadata)
    return written.getvalue()
