"""A figure of some heads for a paper, in the manner of Figures 3 to 5 of Vaswani et al. 2017.

The positions that read (queries) stand above, those that are read (keys) below, and a line joins
each pair: a colour a head, the darker the larger the weight. A caption names the attention, and a
legend the heads.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.page.svg import INK, QUIET, STRONG, element, number, picture, text, text_width
from runtime.attention.attention import Attention, Layer
from runtime.errors import UserError

SIZE, STEP, SPACE, MARGIN = 14.0, 22.0, 200.0, 8.0
"""Pixels: of the letters, from token to token, between the rows, and around all."""
GAP = 6.0
"""Pixels between a token and the ends of its lines."""
SMALL, ROW, BOX = 11.0, 16.0, 10.0
"""Pixels: of the letters of caption and legend, from row to row there, and of a head's colour."""
QUERY, KEY = "query (reads)", "key (is read)"
APART, SPREAD = 2.4, 12.0
"""Pixels between the lines of two heads that join the same tokens, and at most between all."""
HEADS = (*STRONG, "#332288", "#882255", "#999933")
"""Colours of heads: the strong ones, and three of `MUTED`."""
LEAST = 0.01
"""A smaller weight would not be seen, and is not drawn."""
SHADE = 0.8
"""The opacity of the shade behind a key whose weight is 1: its token is still read."""


def draw(
    attention: Attention,
    layer: Layer,
    heads: Sequence[int],
    *,
    token: str | None = None,
    joined: bool = False,
) -> str:
    """Return the figure of some heads, counted from 1, as SVG.

    `token` keeps the lines of the queries with this text alone; `joined` draws words in the place
    of subwords. Raises a UserError for a head or a token that is not there.
    """
    refuse_other_heads(layer.kind, layer.layer, len(layer.weights), heads)
    streams = [attention.stream(layer.kind, axis) for axis in ("query", "key")]
    queries, keys = (each.words if joined else each.tokens for each in streams)
    weights = attention.words(layer).values if joined else layer.weights
    rows = rows_of(queries, token)
    above, below = (max(text_width(each, SIZE) for each in texts) for texts in (queries, keys))
    caption = f"{layer.kind}, layer {layer.layer}"
    width = 2 * MARGIN + max(
        STEP * max(len(queries), len(keys)),
        *(text_width(each, SMALL) for each in (caption, QUERY, KEY)),
    )
    legend, end = _legend(heads, width)
    top = end + 2 * GAP + above
    bottom = top + SPACE
    lowest = bottom + GAP + below + ROW
    content = [
        _small(MARGIN, MARGIN + SMALL, caption, INK),
        *legend,
        _small(MARGIN, end, QUERY, QUIET),
        _small(MARGIN, lowest, KEY, QUIET),
        *_lines(weights, heads, rows, top, bottom),
        *_shades(weights, heads, rows, bottom, below),
        *(_upright(_x(i), top - GAP, each, "start") for i, each in enumerate(queries)),
        *(_upright(_x(j), bottom + GAP, each, "end") for j, each in enumerate(keys)),
    ]
    title = f"{caption}, head {', '.join(map(str, heads))}"
    return picture(width, lowest + MARGIN, content, title=title, description=attention.about)


def _legend(heads: Sequence[int], width: float) -> tuple[list[str], float]:
    """Return the colours and numbers of heads, in rows, and the base line of the row below them."""
    content = []
    x, y = MARGIN, MARGIN + SMALL + ROW
    for head in heads:
        name = f"head {head}"
        own = BOX + GAP + text_width(name, SMALL)
        if x > MARGIN and x + own > width - MARGIN:
            x, y = MARGIN, y + ROW
        box = element(
            "rect",
            x=x,
            y=y - BOX + 1,
            width=BOX,
            height=BOX,
            fill=_colour(head),
            **{"class": "legend"},
        )
        content.append(box)
        content.append(_small(x + BOX + GAP, y, name, INK))
        x += own + 2 * GAP
    return content, y + ROW


def _small(x: float, y: float, words: str, colour: str) -> str:
    return text(x, y, words, font_size=SMALL, fill=colour)


def refuse_other_heads(kind: str, layer: int, most: int, heads: Sequence[int]) -> None:
    """Raise a UserError for the number of a head that a layer with `most` heads does not have."""
    if wrong := [each for each in heads if not 1 <= each <= most]:
        raise UserError(
            f"there is no head {wrong[0]} in layer {layer} of the {kind}",
            help=f"it has heads 1 to {most}",
        )


def rows_of(queries: Sequence[str], token: str | None) -> list[int]:
    """Return the positions of a token among the queries, all of them for None.

    Raises a UserError for a token that is not there.
    """
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


def _colour(head: int) -> str:
    return HEADS[(head - 1) % len(HEADS)]


def _lines(
    weights: NDArray[np.float32],
    heads: Sequence[int],
    rows: Sequence[int],
    top: float,
    bottom: float,
) -> Iterator[str]:
    """Yield a line for each weight [head, query, key] of the rows; those of a head are moved aside.

    Otherwise the line of one head would hide that of another between the same tokens.
    """
    apart = min(APART, SPREAD / len(heads))
    for row in rows:
        for place, head in enumerate(heads):
            shift = (place - (len(heads) - 1) / 2) * apart
            for key, weight in _seen(weights[head - 1, row]):
                yield element(
                    "line",
                    x1=_x(row) + shift,
                    y1=top,
                    x2=_x(key) + shift,
                    y2=bottom,
                    stroke=_colour(head),
                    stroke_width=2,
                    stroke_opacity=f"{weight:.3f}",
                )


def _shades(
    weights: NDArray[np.float32],
    heads: Sequence[int],
    rows: Sequence[int],
    bottom: float,
    height: float,
) -> Iterator[str]:
    """Yield, for a single query, the shade behind each key: a part of its height for each head."""
    if len(rows) != 1:
        return
    part = (height + 8) / len(heads)
    for place, head in enumerate(heads):
        for key, weight in _seen(weights[head - 1, rows[0]]):
            yield element(
                "rect",
                x=_x(key) - STEP / 2 + 1,
                y=bottom + 2 + place * part,
                width=STEP - 2,
                height=part,
                fill=_colour(head),
                fill_opacity=f"{SHADE * weight:.3f}",
            )


def _seen(weights: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    """Yield the keys and weights of a query that are large enough to be drawn."""
    for key in np.flatnonzero(weights >= LEAST):
        yield int(key), min(1.0, float(weights[key]))


def _upright(x: float, y: float, words: str, anchor: str) -> str:
    """Return text that is read from below to above; it starts or ends at `y`."""
    x += SIZE / 3  # from the middle of the letters to their base line
    turned = f"rotate(-90 {number(x)} {number(y)})"
    return text(x, y, words, font_size=SIZE, text_anchor=anchor, transform=turned)
