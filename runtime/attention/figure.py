"""A figure of some heads for a paper, in the manner of Figures 3 to 5 of Vaswani et al. 2017.

The positions that read stand above, those that are read below, and a line joins each pair: a colour
a head, the darker the larger the weight.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from compiler.page.svg import STRONG, element, number, picture, text, text_width
from runtime.attention.attention import Attention, Layer
from runtime.errors import UserError

SIZE, STEP, SPACE, MARGIN = 14.0, 22.0, 200.0, 8.0
"""Pixels: of the letters, from token to token, between the rows, and around all."""
GAP = 6.0
"""Pixels between a token and the ends of its lines."""
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
    top = MARGIN + above + GAP
    bottom = top + SPACE
    content = [
        *_lines(weights, heads, rows, top, bottom),
        *_shades(weights, heads, rows, bottom, below),
        *(_upright(_x(i), top - GAP, each, "start") for i, each in enumerate(queries)),
        *(_upright(_x(j), bottom + GAP, each, "end") for j, each in enumerate(keys)),
    ]
    width = 2 * MARGIN + STEP * max(len(queries), len(keys))
    height = bottom + GAP + below + MARGIN
    title = f"{layer.kind}, layer {layer.layer}, head {', '.join(map(str, heads))}"
    return picture(width, height, content, title=title, description=attention.about)


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
