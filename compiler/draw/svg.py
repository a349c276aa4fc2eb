"""Writes pictures of networks as SVG."""

from collections.abc import Iterator
from itertools import pairwise

from compiler.draw.diagram import Change, Diagram, Edge, Node, Picture
from compiler.draw.layout import Box, Layout, lay_out
from compiler.draw.matrix import cell_width, shares
from compiler.draw.measure import CHIP, CIRCLE, SHEET, Chip, Text, is_circle, sheets
from compiler.draw.routes import Route
from compiler.page.svg import (
    COLOURS,
    INK,
    PAPER,
    QUIET,
    element,
    escaped,
    mixed,
    number,
    picture,
    text,
)

FILLS = {
    "attention": "#ffe3bf",
    "mixer": "#ffd9c9",
    "network": "#c9e7f5",
    "norm": "#f3f5c3",
    "add_norm": "#f3f5c3",
    "embedding": "#fbe0e2",
    "linear": "#dfe1f3",
    "softmax": "#cfe8d4",
    "position": "#ece4f5",
    "bias": "#ece4f5",
    "mask": "#fbe0ee",
}
"""The colours of figure 1 of Vaswani et al. 2017, and like ones for what it does not have."""
PLAIN, FRAME, FRAME_LINE, LINE = "#ffffff", "#f4f5f6", "#8c959f", "#3d444d"
MARKS: dict[Change, str] = {"changed": COLOURS[1], "only": COLOURS[0]}
CHIP_CELLS = 12
LEGEND = 28.0
LEGEND_WORDS: dict[Change, str] = {"changed": "differs", "only": "the other has none"}
_DARK = COLOURS[0]
_FAINTEST = 0.18
"""The share of colour of a cell that has anything in it."""


def as_svg(shown: Picture) -> str:
    """Return a picture as a file."""
    layouts, x, height = [lay_out(each) for each in shown.diagrams], 0.0, 0.0
    content, legend = [_defs()], list(_legend(shown))
    above = LEGEND if legend else 0.0
    for count, layout in enumerate(layouts):
        inside, place = "\n".join(_diagram(layout, count)), f"{number(x)} {number(above)}"
        content.append(element("g", f"\n{inside}\n", transform=f"translate({place})"))
        x += layout.width
        height = max(height, layout.height)
    content += [element("g", legend, transform="translate(24 18)")] if legend else []
    return picture(x, height + above, content, title=shown.title)


def _defs() -> str:
    tips = [
        element(
            "marker",
            element("path", d="M0 0L8 4L0 8z", fill=colour),
            id=name,
            viewBox="0 0 8 8",
            refX=7.5,
            refY=4,
            markerWidth=7,
            markerHeight=7,
            orient="auto",
        )
        for name, colour in (("tip", LINE), ("tip-changed", MARKS["changed"]))
    ]
    return element("defs", tips)


def _legend(shown: Picture) -> Iterator[str]:
    if not shown.legend:
        return
    x = 0.0
    for change, words in LEGEND_WORDS.items():
        dash = "5 3" if change == "only" else ""
        yield element(
            "rect",
            x=x,
            y=2,
            width=22,
            height=14,
            rx=3,
            fill=PAPER,
            stroke=MARKS[change],
            stroke_width=2.5,
            stroke_dasharray=dash,
        )
        yield text(x + 30, 13, words, font_size=11)
        x += 110


def _diagram(layout: Layout, count: int) -> Iterator[str]:
    diagram = layout.diagram
    for group in diagram.groups:
        yield _frame(layout.frames[group.id], group.id, group.change)
    for route in layout.routes:
        yield _arrow(route, diagram)
    for node in diagram.nodes:
        yield _node(node, layout, f"{count}:{node.id}")
    for each in layout.texts:
        yield _text(each, "label")


def _frame(box: Box, id: str, change: Change) -> str:
    return element(
        "rect",
        class_="group",
        data_id=id,
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        rx=12,
        fill=FRAME,
        stroke=MARKS.get(change, FRAME_LINE),
        stroke_width=2.5 if change else 1.2,
        stroke_dasharray="5 3" if change == "only" else "",
    )


def _arrow(route: Route, diagram: Diagram) -> str:
    edge, changed = route.edge, route.edge.change != ""
    return element(
        "path",
        class_=edge.kind,
        d=_rounded(route),
        fill="none",
        stroke=MARKS["changed"] if changed else LINE,
        stroke_width=2.2 if changed else 1.3,
        stroke_dasharray="4 3" if _is_dashed(edge, diagram) else "",
        marker_end=f"url(#{'tip-changed' if changed else 'tip'})" if route.tip else "",
    )


def _is_dashed(edge: Edge, diagram: Diagram) -> bool:
    """Return whether an arrow brings positions or a bias from beside the stream to a layer."""
    brings = diagram.by_id[edge.source].kind in ("position", "bias")
    return brings and edge.kind == "side" and diagram.by_id[edge.target].kind != "sum"


def _rounded(route: Route) -> str:
    """Return a path whose corners are round."""
    first, *inner = route.points
    *inner, last = inner
    parts, previous = [f"M{number(first[0])} {number(first[1])}"], first
    for corner, following in pairwise([*inner, last]):
        radius = min(6.0, _length(previous, corner) / 2, _length(corner, following) / 2)
        before, after = _towards(corner, previous, radius), _towards(corner, following, radius)
        parts.append(f"L{number(before[0])} {number(before[1])}")
        parts.append(
            f"Q{number(corner[0])} {number(corner[1])} {number(after[0])} {number(after[1])}"
        )
        previous = corner
    return "".join([*parts, f"L{number(last[0])} {number(last[1])}"])


def _length(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(
    start: tuple[float, float], end: tuple[float, float], distance: float
) -> tuple[float, float]:
    whole = _length(start, end)
    share = distance / whole if whole else 0.0
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _node(node: Node, layout: Layout, key: str) -> str:
    """Return a box with all that is in it, and its facts as a tooltip."""
    box, content = layout.boxes[node.id], layout.contents[node.id]
    inside = [element("title", tooltip(node)), *_outline(node, box)]
    inside += [_chip(Chip(box.x + each.x, box.y + each.y, each.mask)) for each in content.chips]
    inside += [_text(each.moved(box.x, box.y), "") for each in content.texts]
    return element("g", inside, class_="node", data_key=key)


def tooltip(node: Node) -> str:
    """Return what is known of a node, in lines."""
    masks = [("mask", each.mask.text) for each in node.masks]
    return escaped("\n".join([node.title, *(f"{a}: {b}" for a, b in (*node.facts, *masks))]))


def _outline(node: Node, box: Box) -> Iterator[str]:
    """Yield the rectangles of a box, or of each sheet of a pile, the last in front."""
    if node.kind in ("input", "output"):
        return
    style: dict[str, str | float] = {
        "fill": FILLS.get(node.kind, PLAIN),
        "stroke": MARKS.get(node.change, LINE),
        "stroke_width": 2.6 if node.change else 1.1,
        "stroke_dasharray": "5 3" if node.change == "only" else "",
    }
    radius = CIRCLE / 2 if is_circle(node) else 5
    for sheet in range(sheets(node) - 1, -1, -1):
        yield element(
            "rect",
            x=box.x + SHEET * sheet,
            y=box.y - SHEET * sheet,
            width=box.width,
            height=box.height,
            rx=radius,
            **style,
        )


def _chip(chip: Chip) -> str:
    """Return the small matrix of a mask."""
    width = cell_width([chip.mask], CHIP_CELLS)
    cells = list(matrix_cells(shares(chip.mask, CHIP_CELLS, width), CHIP, chip.x, chip.y))
    return element("g", cells, class_="mask", shape_rendering="crispEdges")


def matrix_cells(
    values: tuple[tuple[float, ...], ...], side: float, x: float, y: float
) -> Iterator[str]:
    """Yield a frame and dark cells, those of a row that are alike as one rectangle."""
    size = side / len(values)
    yield element(
        "rect", x=x, y=y, width=side, height=side, fill=PAPER, stroke=QUIET, stroke_width=0.7
    )
    for row, shades in enumerate(values):
        start = 0
        while start < len(shades):
            end = start
            while end < len(shades) and shades[end] == shades[start]:
                end += 1
            if share := shades[start]:
                yield element(
                    "rect",
                    x=x + start * size,
                    y=y + row * size,
                    width=(end - start) * size,
                    height=size,
                    fill=mixed(PAPER, _DARK, max(_FAINTEST, share)),
                )
            start = end


def _text(each: Text, kind: str) -> str:
    return text(
        each.x,
        each.y,
        each.words,
        class_=kind,
        font_size=each.size,
        font_weight="bold" if each.bold else "",
        text_anchor=each.anchor if each.anchor != "start" else "",
        fill=QUIET if each.tone else INK if kind else "",
    )
