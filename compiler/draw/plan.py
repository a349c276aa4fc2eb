"""The plan of a column's arrows: lanes around boxes, places where arrows end, and heights.

Heights are measured upwards from the bottom of a column, in which the stream is at x = 0.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from compiler.draw.diagram import Diagram, Edge
from compiler.draw.measure import SHEET, sheets
from compiler.draw.rows import Rows, groups_at

START, ARROW, LEVEL, FORK, LABELS, BORDER = 9.0, 11.0, 9.0, 10.0, 14.0, 10.0
LANE, BETWEEN_LANES = 16.0, 11.0
SPREAD = 34.0
"""Between the three inputs of an attention."""


@dataclass(slots=True)
class Plan:
    """The arrows of a column, and the heights that leave room for them.

    Arrows are named by the ids of their source and target. `slots` are the places at the lower side
    of a target where an arrow ends; `lanes` are those of arrows that go around boxes, with the
    side: -1 is left. `levels` are the heights of horizontal pieces between two rows, numbered
    upwards, and `counts` tells how many there are above each row. `base` and `top` are the lower
    and upper ends of rows, `level_base` the height of the lowest horizontal piece above each row,
    and `label_base` that of the labels of arrows from it. `frame_low` and `frame_high` are the ends
    of frames by their first and last rows. `over` is the height of what passes over the column.
    """

    diagram: Diagram
    rows: Rows
    slots: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    lanes: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    levels: dict[tuple[str, str, str], int] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    base: list[float] = field(default_factory=list)
    top: list[float] = field(default_factory=list)
    level_base: list[float] = field(default_factory=list)
    label_base: list[float] = field(default_factory=list)
    frame_low: dict[int, float] = field(default_factory=dict)
    frame_high: dict[int, float] = field(default_factory=dict)
    over: float = 0.0

    @property
    def edges(self) -> list[Edge]:
        """The arrows between nodes of the stream of the column."""
        own = {*self.rows.row} - {*self.rows.beside}
        return [e for e in self.diagram.edges if e.source in own and e.target in own]

    @property
    def asides(self) -> list[Edge]:
        """The arrows from nodes beside the stream."""
        return [each for each in self.diagram.edges if each.source in self.rows.beside]

    @property
    def crossing(self) -> list[Edge]:
        """The arrows that come from another column."""
        own = self.rows.row
        return [e for e in self.diagram.edges if e.target in own and e.source not in own]

    @property
    def memory_room(self) -> float:
        """The width that arrows from other columns need."""
        sources = {each.source for each in self.crossing}
        return self.trunk_room + (14 + 10 * len(sources) if sources else 0)

    @property
    def trunk_room(self) -> float:
        """The width that arrows from beside the stream to layers need."""
        trunks = {each.source for each in self.asides if not self.rows.beside[each.source]}
        return 12.0 * (len(trunks) + 1) if trunks else 0.0

    def is_lane(self, edge: Edge) -> bool:
        """Return whether an arrow goes around boxes."""
        return (edge.source, edge.target) in self.lanes

    def fork_height(self, edge: Edge) -> float:
        """Return the height at which an arrow divides below its target."""
        return self.base[self.rows.row[edge.target]] - ARROW

    def level(self, edge: Edge, end: str) -> float:
        """Return the height of the horizontal piece that an arrow has after its start or end."""
        rows = self.rows.row
        gap = rows[edge.source] if end == "start" else rows[edge.target] - 1
        return self.level_base[gap] + LEVEL * self.levels[edge.source, edge.target, end]

    def top_of(self, node: str) -> float:
        """Return the height of the upper side of a box."""
        half = self.rows.content[node].height / 2
        pile = SHEET * (sheets(self.diagram.by_id[node]) - 1)
        return self.middle_of(node) + half + pile

    def bottom_of(self, node: str) -> float:
        """Return the height of the lower side of a box."""
        return self.middle_of(node) - self.rows.content[node].height / 2

    def middle_of(self, node: str) -> float:
        """Return the height of the middle of a box."""
        row = self.rows.row[node]
        return (self.base[row] + self.top[row]) / 2

    def side_offset(self, edge: Edge) -> float:
        """Return how far above or below the middle an arrow meets the side of its target."""
        same = [e for e in self.edges if e.target == edge.target and self.is_lane(e)]
        return 6.0 * same.index(edge) if len(same) > 1 else 0.0


def plan_routes(diagram: Diagram, rows: Rows) -> Plan:
    """Return the plan of a column."""
    plan = Plan(diagram, rows)
    _choose_lanes(plan)
    _choose_slots(plan)
    _choose_levels(plan)
    _choose_heights(plan)
    return plan


def _choose_lanes(plan: Plan) -> None:
    """Send around boxes what is residual, and what would cross a box."""
    taken: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    rows = plan.rows
    for edge in plan.edges:
        first, last = rows.row[edge.source], rows.row[edge.target]
        x = rows.centre(edge.source)
        if edge.kind != "residual" and _is_clear(rows, x, first, last):
            continue
        side = rows.outer if edge.kind == "residual" or not x else (-1 if x < 0 else 1)
        number = next(
            n
            for n in range(99)
            if not any(n == m and a < last and first < b for m, a, b in taken[side])
        )
        taken[side].append((number, first, last))
        ends = [rows.edge_of(each, side) for each in range(first + 1, last + 1)]
        ends += [
            rows.left[each] if side < 0 else rows.right(each)
            for each in rows.beside
            if first < rows.row[each] <= last and rows.beside[each]
        ]
        end = min(ends) if side < 0 else max(ends)
        plan.lanes[edge.source, edge.target] = (end + side * (LANE + BETWEEN_LANES * number), side)


def _is_clear(rows: Rows, x: float, first: int, last: int) -> bool:
    """Return whether nothing stands above x between two rows."""
    between = (each for row in range(first + 1, last) for each in rows.order[row])
    return not any(rows.left[each] - 6 < x < rows.label_end(each) + 6 for each in between)


def _choose_slots(plan: Plan) -> None:
    """Choose where arrows end at the lower sides of boxes."""
    rows = plan.rows
    for target in rows.row:
        if target in rows.beside:
            continue
        incoming = [
            (rows.centre(each.source), each)
            for each in plan.edges
            if each.target == target and not _ends_at_side(plan, each)
        ]
        incoming += [(-rows.outer * 999.0, e) for e in plan.crossing if e.target == target]
        incoming.sort(key=lambda each: each[0])
        count = sum(each.heads for _, each in incoming)
        places = _places(plan, target, [x for x, e in incoming for _ in range(e.heads)], count)
        for _, edge in incoming:
            own, places = places[: edge.heads], places[edge.heads :]
            plan.slots[edge.source, edge.target] = own


def _ends_at_side(plan: Plan, edge: Edge) -> bool:
    """Return whether an arrow in a lane can reach its target from the side."""
    if not plan.is_lane(edge):
        return False
    _, side = plan.lanes[edge.source, edge.target]
    row = plan.rows.order[plan.rows.row[edge.target]]
    return row[0 if side < 0 else -1] == edge.target


def _places(plan: Plan, target: str, wanted: list[float], count: int) -> list[float]:
    """Return places from left to right: above where arrows come from, or at equal distances."""
    rows = plan.rows
    left, right, middle = rows.left[target] + 12, rows.right(target) - 12, rows.centre(target)
    if count == 1:
        inside = left <= wanted[0] <= right
        return [wanted[0] if inside else middle]
    near = [min(max(x, left), right) for x in wanted]
    if all(b - a >= 16 for a, b in pairwise(near)):
        return near
    step = min(SPREAD, max(6.0, right - left) / max(1, count - 1))
    return [middle + (number - (count - 1) / 2) * step for number in range(count)]


Key = tuple[str, str, str]
"""An arrow by its ends, and which of its horizontal pieces is meant: `start` or `end`."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A horizontal piece of an arrow; those at the start of arrows are below those at ends."""

    low: float
    high: float
    key: Key

    @property
    def order(self) -> tuple[bool, float]:
        """The order in which pieces get heights."""
        return self.key[2] == "end", self.high - self.low

    def touches(self, other: "_Piece") -> bool:
        """Return whether two pieces cannot have one height."""
        if self.key[2] != other.key[2]:
            return True
        is_apart = self.low >= other.high + 4 or other.low >= self.high + 4
        return not is_apart and self.key[0] != other.key[0]


def _choose_levels(plan: Plan) -> None:
    """Give the horizontal pieces between two rows heights at which none touches another."""
    for gap, pieces in _pieces(plan).items():
        placed = list[tuple[_Piece, int]]()
        for piece in sorted(pieces, key=lambda each: each.order):
            below = [n for other, n in placed if other.key[2] != piece.key[2]]
            number = 1 + max(below, default=-1)
            while any(n == number and piece.touches(other) for other, n in placed):
                number += 1
            placed.append((piece, number))
            plan.levels[piece.key] = number
        plan.counts[gap] = 1 + max(number for _, number in placed)


def _pieces(plan: Plan) -> dict[int, list[_Piece]]:
    """Return the horizontal pieces above each row."""
    rows, found = plan.rows, defaultdict[int, list[_Piece]](list)
    for edge in plan.edges:
        x, key = rows.centre(edge.source), (edge.source, edge.target)
        if plan.is_lane(edge):
            lane, _ = plan.lanes[key]
            piece = _Piece(min(x, lane), max(x, lane), (*key, "start"))
            found[rows.row[edge.source]].append(piece)
            x = lane
        slots = sorted(plan.slots.get(key, []))
        if slots and abs((slot := slots[len(slots) // 2]) - x) > 0.5:
            piece = _Piece(min(x, slot), max(x, slot), (*key, "end"))
            found[rows.row[edge.target] - 1].append(piece)
    return found


def _choose_heights(plan: Plan) -> None:
    """Stack the rows, with room between them for frames, labels and arrows."""
    rows, height = plan.rows, 0.0
    for number, row in enumerate(rows.order):
        if number:
            forks = any(
                len(plan.slots.get((e.source, e.target), ())) > 1
                for e in (*plan.edges, *plan.crossing)
                if e.target in row
            )
            for _ in groups_at(rows, number, end=False):
                height += BORDER
                plan.frame_low[number] = height
            plan.level_base.append(height + 5)
            height += 5 + LEVEL * plan.counts.get(number - 1, 0) + FORK * forks + ARROW
        plan.base.append(height)
        nodes = [*row, *(each for each in rows.beside if rows.row[each] == number)]
        height += max(
            rows.content[e].height + 2 * SHEET * (sheets(plan.diagram.by_id[e]) - 1) for e in nodes
        )
        plan.top.append(height)
        height += START
        for _ in groups_at(rows, number, end=True):
            height += BORDER - 4
            plan.frame_high[number] = height
            height += 4
        plan.label_base.append(height)
        leaving = [e for e in plan.edges if e.source in row and e.kind != "residual"]
        height += LABELS * any(each.shape or each.label for each in leaving)
    plan.over = plan.label_base[-1] + 6
