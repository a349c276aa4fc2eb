"""The places of everything in a diagram: boxes in rows, frames around groups, columns abreast."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from compiler.draw.diagram import Column, Diagram, Edge, Group
from compiler.draw.measure import LABEL, LINE, SHEET, TITLE, Content, Text
from compiler.draw.routes import Line, Plan, plan_routes
from compiler.draw.rows import rows_of
from compiler.page.svg import wrapped

MARGIN = 24.0
FRAME = 14.0
"""Between a frame and what is in it."""
APART = 34.0
"""Between columns."""
TIMES = 20.0
"""The size of the font of N x."""
WIDEST_NOTE = 130.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle; y grows from the top to the bottom."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower side."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> "Box":
        """Return the rectangle elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(slots=True)
class Layout:
    """The places of all that is drawn of a diagram, which reaches from (0, 0) to its size."""

    diagram: Diagram
    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Box] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    frames: dict[str, Box] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def extent(self) -> tuple[float, float, float, float]:
        """Return the left, upper, right and lower end of everything."""
        rectangles = [*self.boxes.values(), *self.frames.values()]
        points = [point for line in self.lines for point in line.points]
        x = [e.x for e in rectangles] + [e.right for e in rectangles] + [p[0] for p in points]
        y = [e.y for e in rectangles] + [e.bottom for e in rectangles] + [p[1] for p in points]
        x += [e.left for e in self.texts] + [e.left + e.width for e in self.texts]
        y += [e.y - e.size for e in self.texts] + [e.y + e.size / 3 for e in self.texts]
        return min(x), min(y), max(x), max(y)

    def move(self, x: float, y: float) -> None:
        """Move everything."""
        self.boxes = {name: each.moved(x, y) for name, each in self.boxes.items()}
        self.frames = {name: each.moved(x, y) for name, each in self.frames.items()}
        self.lines = [each.moved(x, y) for each in self.lines]
        self.texts = [each.moved(x, y) for each in self.texts]


def lay_out(diagram: Diagram) -> Layout:
    """Return the layout of a diagram."""
    plans = {
        column.id: plan_routes(diagram, rows_of(diagram, column)) for column in diagram.columns
    }
    whole, right = Layout(diagram), 0.0
    for number, column in enumerate(diagram.columns):
        part, plan = Layout(diagram), plans[column.id]
        _draw_column(part, plan)
        left, _, end, _ = part.extent()
        trunk = plan.memory_room if number else 0.0
        shift = right + (APART if number else 0.0) + trunk - left
        part.move(shift, 0.0)
        plan.shift = shift
        right = end + shift
        for name in ("boxes", "frames", "contents"):
            getattr(whole, name).update(getattr(part, name))
        whole.lines += part.lines
        whole.texts += part.texts
    _draw_crossings(whole, plans)
    _finish(whole)
    return whole


def _draw_column(layout: Layout, plan: Plan) -> None:
    """Put boxes, frames and arrows of a column in their places, the stream at x = 0."""
    rows = plan.rows
    for name, content in rows.content.items():
        row = rows.row[name]
        middle = (plan.base[row] + plan.top[row]) / 2
        layout.boxes[name] = Box(
            x=rows.left[name],
            y=-middle - content.height / 2,
            width=content.width,
            height=content.height,
        )
        layout.contents[name] = content
    layout.lines += plan.lines()
    layout.texts += plan.texts()
    for group in rows.column.groups:
        layout.frames[group.id] = _frame(layout, plan, group)
    plan.inner = _inner_end(layout, plan)
    layout.lines += plan.trunks()
    for group in rows.column.groups:
        layout.texts += _times(layout.frames[group.id], group, rows.outer)


def _frame(layout: Layout, plan: Plan, group: Group) -> Box:
    """Return the frame around the boxes of a group and the arrows around them."""
    boxes = [layout.boxes[each] for each in group.members]
    x = [each.x for each in boxes] + [each.right + SHEET * 2 for each in boxes]
    for line in plan.lines():
        if line.edge.target in group.members and line.edge.kind == "residual":
            x += [point[0] for point in line.points]
    own = [text for text in plan.texts() if text.tone in group.members]
    x += [text.left for text in own] + [text.left + text.width for text in own]
    rows = [plan.rows.row[each] for each in group.members]
    low, high = plan.frame_low[min(rows)], plan.frame_high[max(rows)]
    left, right = min(x) - FRAME, max(x) + FRAME
    return Box(x=left, y=-high, width=right - left, height=high - low)


def _inner_end(layout: Layout, plan: Plan) -> float:
    """Return how far the frames and the boxes of layers reach on the inner side."""
    frames = layout.frames.values()
    if plan.rows.outer < 0:
        return max((each.right for each in frames), default=0.0)
    return min((each.x for each in frames), default=0.0)


def _times(frame: Box, group: Group, outer: int) -> list[Text]:
    """Return `6 x` and what is below it, on the outer side of a frame."""
    lines = [each for line in group.lines for each in wrapped(line, WIDEST_NOTE, LINE)]
    x = frame.x - 10 if outer < 0 else frame.right + 10
    anchor = "end" if outer < 0 else "start"
    y = frame.y + frame.height / 2 - 7 * len(lines) + 7
    head = Text(x, y, f"{group.times}\N{MULTIPLICATION SIGN}", TIMES, False, anchor)
    return [
        head,
        *(
            Text(x, y + 16 + 14 * number, words, LINE, False, anchor, "quiet")
            for number, words in enumerate(lines)
        ),
    ]


def _draw_crossings(layout: Layout, plans: dict[str, Plan]) -> None:
    """Draw the arrows from one column to another: up, across, and to each box that reads them."""
    columns = {node: plan for plan in plans.values() for node in plan.rows.column.nodes}
    by_source: dict[str, list[Edge]] = defaultdict(list)
    for edge in layout.diagram.edges:
        if columns[edge.source] is not columns[edge.target]:
            by_source[edge.source].append(edge)
    for number, (source, edges) in enumerate(by_source.items()):
        box, plan = layout.boxes[source], columns[source]
        x, over = box.x + box.width / 2, -plan.over - 12.0 * number
        reader = columns[edges[0].target]
        left = min(
            e.x
            for e in (
                *(layout.boxes[each] for each in reader.rows.column.nodes),
                *(layout.frames[each.id] for each in reader.rows.column.groups),
            )
        )
        trunk = min(left, reader.inner + reader.shift - reader.trunk_room) - 14 - 10 * number
        heights = [reader.fork_height(each) for each in edges]
        ends = [-each for each in heights]
        low, high = max([*ends, over]), min([*ends, over])
        way = ((x, box.y), (x, over), (trunk, over), (trunk, low if low > over else high))
        layout.lines.append(Line(way, edges[0]))
        if low > over > high:
            layout.lines.append(Line(((trunk, over), (trunk, high)), edges[0]))
        for edge, end in zip(edges, ends, strict=True):
            slots = [each + reader.shift for each in reader.slots[edge.source, edge.target]]
            layout.lines.append(Line(((trunk, end), (max(slots), end)), edge))
            tip = layout.boxes[edge.target].bottom
            layout.lines += [Line(((each, end), (each, tip)), edge, True) for each in slots]
        if edges[0].shape:
            layout.texts.append(Text(x + 6, over - 5, edges[0].shape, LABEL, tone="quiet"))


def _finish(layout: Layout) -> None:
    """Put titles above the columns and the diagram, notes below, and all at a margin."""
    _, top, _, _ = layout.extent()
    for column in layout.diagram.columns:
        if column.title:
            layout.texts.append(_column_title(layout, column, top - 16))
    left, top, right, bottom = layout.extent()
    layout.width = right - left + 2 * MARGIN
    heads = [Text(MARGIN, 0, layout.diagram.title, 17.0, True)] if layout.diagram.title else []
    heads += [
        Text(MARGIN, 0, words, LINE, False, "start", "quiet")
        for words in wrapped(layout.diagram.subtitle, max(layout.width - 2 * MARGIN, 300), LINE)
        if words
    ]
    layout.width = max([layout.width, *(each.width + 2 * MARGIN for each in heads)])
    above, placed = MARGIN, []
    for each in heads:
        above += each.size + 3
        placed.append(each.moved(0, above))
    above += 12 if heads else 0
    free = layout.width - (right - left)
    layout.move(free / 2 - left, above - top)
    layout.texts += placed
    y = bottom - top + above + 8
    for note in layout.diagram.notes:
        for words in wrapped(note, layout.width - 2 * MARGIN, LINE):
            y += 15
            layout.texts.append(Text(MARGIN, y, words, LINE, tone="quiet"))
    layout.height = y + MARGIN


def _column_title(layout: Layout, column: Column, y: float) -> Text:
    boxes = [layout.boxes[each] for each in column.nodes]
    middle = (min(each.x for each in boxes) + max(each.right for each in boxes)) / 2
    return Text(middle, y, column.title, TITLE, True, "middle")
