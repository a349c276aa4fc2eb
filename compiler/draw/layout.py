"""The places of everything in a diagram: boxes in rows, frames around groups, columns abreast."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from compiler.draw.diagram import Column, Diagram, Edge, Group
from compiler.draw.measure import LABEL, LINE, SHEET, TITLE, Content, Text
from compiler.draw.plan import Plan, plan_routes
from compiler.draw.routes import Route, labels, stream_routes, trunk_routes
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
WIDEST_TITLE = 480.0
"""The width of a title that is wider than its picture."""


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
    routes: list[Route] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def extent(self) -> tuple[float, float, float, float]:
        """Return the left, upper, right and lower end of everything."""
        rectangles = [*self.boxes.values(), *self.frames.values()]
        points = [point for route in self.routes for point in route.points]
        x = [e.x for e in rectangles] + [e.right for e in rectangles] + [p[0] for p in points]
        y = [e.y for e in rectangles] + [e.bottom for e in rectangles] + [p[1] for p in points]
        x += [e.left for e in self.texts] + [e.left + e.width for e in self.texts]
        y += [e.y - e.size for e in self.texts] + [e.y + e.size / 3 for e in self.texts]
        return min(x), min(y), max(x), max(y)

    def move(self, x: float, y: float) -> None:
        """Move everything."""
        self.boxes = {name: each.moved(x, y) for name, each in self.boxes.items()}
        self.frames = {name: each.moved(x, y) for name, each in self.frames.items()}
        self.routes = [each.moved(x, y) for each in self.routes]
        self.texts = [each.moved(x, y) for each in self.texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A column in its place: how far it was moved to the right, and where layers end inwards."""

    plan: Plan
    shift: float
    inner: float


def lay_out(diagram: Diagram) -> Layout:
    """Return the layout of a diagram."""
    plans = {
        column.id: plan_routes(diagram, rows_of(diagram, column)) for column in diagram.columns
    }
    whole, right, placed = Layout(diagram), 0.0, list[_Placed]()
    for number, column in enumerate(diagram.columns):
        part, plan = Layout(diagram), plans[column.id]
        inner = _draw_column(part, plan)
        left, _, end, _ = part.extent()
        trunk = plan.memory_room if number else 0.0
        shift = right + (APART if number else 0.0) + trunk - left
        part.move(shift, 0.0)
        placed.append(_Placed(plan=plan, shift=shift, inner=inner + shift))
        right = end + shift
        for name in ("boxes", "frames", "contents"):
            getattr(whole, name).update(getattr(part, name))
        whole.routes += part.routes
        whole.texts += part.texts
    _draw_crossings(whole, placed)
    _finish(whole)
    return whole


def _draw_column(layout: Layout, plan: Plan) -> float:
    """Put boxes, frames and arrows of a column in their places, the stream at x = 0.

    Returns how far its layers reach on the inner side.
    """
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
    layout.routes += stream_routes(plan)
    layout.texts += labels(plan)
    for group in rows.column.groups:
        layout.frames[group.id] = _frame(layout, plan, group)
    inner = _inner_end(layout, plan)
    layout.routes += trunk_routes(plan, inner)
    for group in rows.column.groups:
        layout.texts += _times(layout.frames[group.id], group, rows.outer)
    return inner


def _frame(layout: Layout, plan: Plan, group: Group) -> Box:
    """Return the frame around the boxes of a group and the arrows around them."""
    boxes = [layout.boxes[each] for each in group.members]
    x = [each.x for each in boxes] + [each.right + SHEET * 2 for each in boxes]
    for route in stream_routes(plan):
        if route.edge.target in group.members and route.edge.kind == "residual":
            x += [point[0] for point in route.points]
    own = [text for text in labels(plan) if text.tone in group.members]
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


def _draw_crossings(layout: Layout, placed: list[_Placed]) -> None:
    """Draw the arrows from one column to another: up, across, and to each box that reads them."""
    columns = {node: each for each in placed for node in each.plan.rows.column.nodes}
    by_source: dict[str, list[Edge]] = defaultdict(list)
    for edge in layout.diagram.edges:
        if columns[edge.source] is not columns[edge.target]:
            by_source[edge.source].append(edge)
    for number, (source, edges) in enumerate(by_source.items()):
        over = -columns[source].plan.over - 12.0 * number
        reader = columns[edges[0].target]
        trunk = _left_of(layout, reader) - 14 - 10 * number
        forks = [-reader.plan.fork_height(each) for each in edges]
        _draw_trunk(layout, edges, trunk, over, forks)
        for edge in edges:
            _draw_branch(layout, edge, trunk, reader)


def _left_of(layout: Layout, placed: _Placed) -> float:
    """Return where boxes, frames and trunks of a column begin."""
    column = placed.plan.rows.column
    boxes = [layout.boxes[each] for each in column.nodes]
    frames = [layout.frames[each.id] for each in column.groups]
    left = min(each.x for each in (*boxes, *frames))
    return min(left, placed.inner - placed.plan.trunk_room)


def _draw_trunk(
    layout: Layout, edges: list[Edge], trunk: float, over: float, ends: list[float]
) -> None:
    """Draw what arrows from one box have in common: over its column, then along the other one."""
    box, edge = layout.boxes[edges[0].source], edges[0]
    x, low, high = box.x + box.width / 2, max([*ends, over]), min([*ends, over])
    way = ((x, box.y), (x, over), (trunk, over), (trunk, low if low > over else high))
    layout.routes.append(Route(way, edge))
    if low > over > high:
        layout.routes.append(Route(((trunk, over), (trunk, high)), edge))
    if edge.shape:
        layout.texts.append(Text(x + 6, over - 5, edge.shape, LABEL, tone="quiet"))


def _draw_branch(layout: Layout, edge: Edge, trunk: float, reader: _Placed) -> None:
    """Draw an arrow from a trunk to the lower side of a box."""
    end, tip = -reader.plan.fork_height(edge), layout.boxes[edge.target].bottom
    slots = [each + reader.shift for each in reader.plan.slots[edge.source, edge.target]]
    layout.routes.append(Route(((trunk, end), (max(slots), end)), edge))
    layout.routes += [Route(((each, end), (each, tip)), edge, True) for each in slots]


def _finish(layout: Layout) -> None:
    """Put titles above the columns and the diagram, notes below, and all at a margin."""
    _, top, _, _ = layout.extent()
    for column in layout.diagram.columns:
        if column.title:
            layout.texts.append(_column_title(layout, column, top - 16))
    left, top, right, bottom = layout.extent()
    layout.width = right - left + 2 * MARGIN
    heads = _heads(layout.diagram, layout.width - 2 * MARGIN)
    layout.width = max([layout.width, *(each.width + 2 * MARGIN for each in heads)])
    above, placed = MARGIN, []
    for each in heads:
        above += each.size + 3
        placed.append(each.moved(0, above))
    above += 12 if heads else 0
    free = layout.width - (right - left)
    layout.move(free / 2 - left, above - top)
    layout.texts += placed
    layout.height = _add_notes(layout, bottom - top + above + 8) + MARGIN


def _heads(diagram: Diagram, width: float) -> list[Text]:
    """Return the title and the lines of the subtitle, all at one height."""
    lines = wrapped(diagram.title, max(width, WIDEST_TITLE), 17.0, bold=True)
    title = [Text(MARGIN, 0, each, 17.0, True) for each in lines if each]
    subtitle = [each for each in wrapped(diagram.subtitle, max(width, 300), LINE) if each]
    return [*title, *(Text(MARGIN, 0, each, LINE, tone="quiet") for each in subtitle)]


def _add_notes(layout: Layout, y: float) -> float:
    """Add the notes below a height; return the height of the last line."""
    for note in layout.diagram.notes:
        for words in wrapped(note, layout.width - 2 * MARGIN, LINE):
            y += 15
            layout.texts.append(Text(MARGIN, y, words, LINE, tone="quiet"))
    return y


def _column_title(layout: Layout, column: Column, y: float) -> Text:
    boxes = [layout.boxes[each] for each in column.nodes]
    middle = (min(each.x for each in boxes) + max(each.right for each in boxes)) / 2
    return Text(middle, y, column.title, TITLE, True, "middle")
