"""Rows: which nodes of a column stand beside each other, in which order, and how far apart."""

from collections import defaultdict
from dataclasses import dataclass, field

from compiler.draw.diagram import Column, Diagram, Edge, Group, Node
from compiler.draw.measure import LABEL, SHEET, Content, is_circle, measure, sheets
from compiler.page.svg import text_width

BESIDE = 28.0
"""Between boxes of a row."""
LEAST = 150.0
"""The least width of the boxes of a column."""
LABEL_ROOM = 16.0


@dataclass(slots=True)
class Rows:
    """The nodes of a column in rows, from the bottom to the top.

    `row` tells that of each node; `beside` are nodes that stand outside of the stream, with the
    node next to which they stand or, of those that layers read, none. `left` and `right` are the
    sides of boxes, the stream of a column being at 0; `labels` are the widths of what is written at
    the arrows from them.
    """

    column: Column
    row: dict[str, int] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    order: list[list[str]] = field(default_factory=list)
    content: dict[str, Content] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    labels: dict[str, float] = field(default_factory=dict)

    @property
    def outer(self) -> int:
        """The direction of the side where arrows go around boxes: -1 is left."""
        return -1 if self.column.side == "left" else 1

    def right(self, node: str) -> float:
        """Return the right side of a box."""
        return self.left[node] + self.content[node].width

    def centre(self, node: str) -> float:
        """Return the middle of a box."""
        return self.left[node] + self.content[node].width / 2

    def label_end(self, node: str) -> float:
        """Return how far a box or what is written above it reaches to the right."""
        words = self.labels[node]
        return max(self.right(node), self.centre(node) + LABEL_ROOM + words if words else 0)

    def edge_of(self, row: int, side: int) -> float:
        """Return how far the boxes of a row reach on a side, those beside the stream left out."""
        if side < 0:
            return min(self.left[each] for each in self.order[row])
        return max(self.label_end(each) for each in self.order[row])


def rows_of(diagram: Diagram, column: Column) -> Rows:
    """Return the rows of a column with all boxes in their places from left to right."""
    rows, nodes = Rows(column), diagram.by_id
    own = [each for each in diagram.edges if {each.source, each.target} <= {*column.nodes}]
    _rank(rows, own)
    _set_beside(rows, own)
    stream = [each for each in column.nodes if each not in rows.beside]
    rows.order = [[] for _ in range(1 + max(rows.row[each] for each in stream))]
    for each in stream:
        rows.order[rows.row[each]].append(each)
    _size(rows, nodes, own)
    for number in range(len(rows.order)):
        _place(rows, number, diagram, own)
    for node in rows.beside:
        _place_beside(rows, node)
    return rows


def _rank(rows: Rows, edges: list[Edge]) -> None:
    """Give each node the row above all that it reads."""
    reads = defaultdict(list)
    for edge in edges:
        if edge.kind != "side":
            reads[edge.target].append(edge.source)

    def rank(node: str) -> int:
        if node not in rows.row:
            rows.row[node] = max((rank(source) + 1 for source in reads[node]), default=0)
        return rows.row[node]

    for each in rows.column.nodes:
        rank(each)


def _set_beside(rows: Rows, edges: list[Edge]) -> None:
    """Take nodes that read nothing out of the stream, and put them beside what reads them."""
    grouped = {each for group in rows.column.groups for each in group.members}
    for each in rows.column.nodes:
        readers = [edge.target for edge in edges if edge.source == each and edge.kind == "side"]
        if not readers or any(edge.target == each for edge in edges):
            continue
        first = min(readers, key=lambda reader: rows.row[reader])
        rows.beside[each] = "" if first in grouped else first
        rows.row[each] = rows.row[first]
        if first in grouped:
            rows.row[each] = max(0, min(rows.row[member] for member in grouped) - 1)


def label_of(edges: list[Edge]) -> str:
    """Return what is written at arrows that leave one node, each label once."""
    words = (f"{each.label} {each.shape}".strip() for each in edges)
    return ", ".join(dict.fromkeys(filter(None, words)))


def _size(rows: Rows, nodes: dict[str, Node], edges: list[Edge]) -> None:
    """Measure all nodes: boxes that are alone in their rows have one width."""
    rows.content = {each: measure(nodes[each]) for each in rows.column.nodes}
    for node in rows.column.nodes:
        own = [each for each in edges if each.source == node]
        above = [each for each in own if each.kind != "residual"]
        words = [label_of(above), *(label_of([each]) for each in own if each not in above)]
        rows.labels[node] = max(text_width(each, LABEL) for each in words)
    alone = [
        each
        for row in rows.order
        for each in row
        if len(row) == 1 and nodes[each].kind not in ("input", "output")
    ]
    boxes = [each for each in alone if not is_circle(nodes[each])]
    width = max((rows.content[each].width for each in boxes), default=LEAST)
    for each in alone:
        terms = [edge for edge in edges if edge.target == each and edge.kind == "flow"]
        if not is_circle(nodes[each]) or len({edge.source for edge in terms}) > 1:
            rows.content[each] = measure(nodes[each], max(width, LEAST))


def _place(rows: Rows, number: int, diagram: Diagram, edges: list[Edge]) -> None:
    """Put the boxes of a row beside each other, each near what it reads."""
    row = rows.order[number]
    sides = {each.target for each in diagram.edges if each.kind == "side"}

    def wanted(node: str) -> tuple[float, int]:
        read = [rows.centre(e.source) for e in edges if e.target == node and e.source in rows.left]
        middle = sum(read) / len(read) if read else 0.0
        return middle, (1 if node in sides else 0) * -rows.outer

    row.sort(key=wanted)
    x, places = 0.0, list[float]()
    for one, other in zip(row, [*row[1:], None], strict=True):
        places.append(x)
        if other is not None:
            x += max(
                (rows.content[one].width + rows.content[other].width) / 2
                + BESIDE
                + SHEET * sheets(diagram.by_id[one]),
                rows.labels[one] + LABEL_ROOM,
            )
    for node, place in zip(row, places, strict=True):
        rows.left[node] = place - x / 2 - rows.content[node].width / 2


def _place_beside(rows: Rows, node: str) -> None:
    """Put a node outside of its row: on the outer side, or on the inner one for layers."""
    side = rows.outer if rows.beside[node] else -rows.outer
    width, row = rows.content[node].width, rows.row[node]
    placed = [*rows.order[row], *(e for e in rows.beside if e in rows.left and rows.row[e] == row)]
    if side < 0:
        rows.left[node] = min(rows.left[each] for each in placed) - BESIDE - width
    else:
        rows.left[node] = max(rows.right(each) for each in placed) + BESIDE


def groups_at(rows: Rows, row: int, *, end: bool) -> list[Group]:
    """Return the groups whose first row it is, or whose last row if `end`."""
    choose = max if end else min
    return [
        group
        for group in rows.column.groups
        if choose(rows.row[each] for each in group.members if each in rows.row) == row
    ]
