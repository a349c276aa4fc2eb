"""The ways of arrows in a column: up between boxes, or around them in lanes on a side."""

from dataclasses import dataclass, replace

from compiler.draw.diagram import Edge
from compiler.draw.measure import LABEL, SHEET, Text, is_circle, sheets
from compiler.draw.plan import Plan
from compiler.draw.rows import label_of

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an arrow in straight pieces, with a tip at its end or without."""

    points: tuple[Point, ...]
    edge: Edge
    tip: bool = False

    def moved(self, x: float, y: float) -> "Route":
        """Return the route elsewhere."""
        return replace(self, points=tuple((a + x, b + y) for a, b in self.points))


def stream_routes(plan: Plan) -> list[Route]:
    """Return the arrows between nodes of the stream, and from those right beside them."""
    found = [each for edge in plan.edges for each in _routes(plan, edge)]
    for edge in plan.asides:
        if plan.rows.beside[edge.source]:
            found.append(_beside_route(plan, edge))
    return found


def _routes(plan: Plan, edge: Edge) -> list[Route]:
    """Return the pieces of one arrow."""
    if plan.is_lane(edge):
        return [_route(_around(plan, edge), edge, True)]
    x, start = plan.rows.centre(edge.source), plan.top_of(edge.source)
    slots, end = plan.slots[edge.source, edge.target], plan.bottom_of(edge.target)
    if len(slots) == 1:
        return [_route(_elbow(plan, edge, x, start, slots[0], end), edge, True)]
    fork = plan.fork_height(edge)
    bar = _route([(min(slots), fork), (max(slots), fork)], edge, False)
    middle = sorted(slots)[len(slots) // 2]
    stem = _elbow(plan, edge, x, start, middle, fork)
    tips = [_route([(slot, fork), (slot, end)], edge, True) for slot in slots]
    return [_route(stem, edge, False), bar, *tips]


def _around(plan: Plan, edge: Edge) -> list[Point]:
    """Return the way of an arrow in a lane: to the side of its target, or up to its lower side."""
    rows, (lane, side) = plan.rows, plan.lanes[edge.source, edge.target]
    x, level = rows.centre(edge.source), plan.level(edge, "start")
    begun = [(x, plan.top_of(edge.source)), (x, level), (lane, level)]
    if (edge.source, edge.target) in plan.slots:
        (slot,) = plan.slots[edge.source, edge.target]
        high = plan.level(edge, "end")
        return [*begun, (lane, high), (slot, high), (slot, plan.bottom_of(edge.target))]
    target = plan.diagram.by_id[edge.target]
    height = plan.middle_of(edge.target)
    if is_circle(target):
        height += plan.side_offset(edge)
    pile = SHEET * (sheets(target) - 1)
    tip = rows.left[edge.target] if side < 0 else rows.right(edge.target) + pile
    return [*begun, (lane, height), (tip, height)]


def _elbow(plan: Plan, edge: Edge, x: float, start: float, slot: float, end: float) -> list[Point]:
    """Return the way up from one x to another."""
    if (edge.source, edge.target, "end") not in plan.levels:
        return [(x, start), (slot, end)]
    level = plan.level(edge, "end")
    return [(x, start), (x, level), (slot, level), (slot, end)]


def _beside_route(plan: Plan, edge: Edge) -> Route:
    """Return the arrow from a box beside the stream to the one next to it."""
    rows, height = plan.rows, plan.middle_of(edge.source)
    if rows.left[edge.source] < rows.left[edge.target]:
        points = [(rows.right(edge.source), height), (rows.left[edge.target], height)]
    else:
        points = [(rows.left[edge.source], height), (rows.right(edge.target), height)]
    return _route(points, edge, True)


def trunk_routes(plan: Plan, inner: float) -> list[Route]:
    """Return the arrows from beside the stream to layers, from the inner end of the column on."""
    found, side, rows = list[Route](), -plan.rows.outer, plan.rows
    sources = dict.fromkeys(e.source for e in plan.asides if not rows.beside[e.source])
    for number, source in enumerate(sources):
        edges = [each for each in plan.asides if each.source == source]
        trunk = inner + side * 12.0 * (number + 1)
        near = rows.left[source] if side > 0 else rows.right(source)
        far = rows.right(source) if side > 0 else rows.left[source]
        inside = min(near, far) + 8 <= trunk <= max(near, far) - 8
        x = trunk if inside else rows.centre(source)
        start = plan.top_of(source)
        heights = [plan.middle_of(each.target) + 8.0 * number for each in edges]
        turn = start + 8 + 5.0 * number
        way = [(x, start)] if inside else [(x, start), (x, turn), (trunk, turn)]
        found.append(_route([*way, (trunk, max(heights))], edges[0], False))
        for edge, height in zip(edges, heights, strict=True):
            tip = rows.right(edge.target) if side > 0 else rows.left[edge.target]
            found.append(_route([(trunk, height), (tip, height)], edge, True))
    return found


def labels(plan: Plan) -> list[Text]:
    """Return the labels of arrows: shapes, and factors."""
    found = list[Text]()
    above: dict[str, list[Edge]] = {}
    for edge in plan.edges:
        if not (plan.is_lane(edge) and edge.kind == "residual"):
            above.setdefault(edge.source, []).append(edge)
        elif words := label_of([edge]):
            lane, side = plan.lanes[edge.source, edge.target]
            anchor = "end" if side < 0 else "start"
            height = plan.middle_of(edge.target) - 20
            found.append(Text(lane + 5 * side, -height, words, LABEL, False, anchor, edge.target))
    for source, edges in above.items():
        if words := label_of(edges):
            x, y = plan.rows.centre(source), -(plan.label_base[plan.rows.row[source]] + 3)
            is_left = plan.trunk_room and plan.rows.outer < 0
            place, anchor = (x - 6, "end") if is_left else (x + 6, "start")
            found.append(Text(place, y, words, LABEL, False, anchor, "quiet"))
    return found


def _route(points: list[Point], edge: Edge, tip: bool) -> Route:
    """Return a route in the coordinates of a picture, in which y grows downwards."""
    return Route(tuple((x, -height) for x, height in points), edge, tip)
