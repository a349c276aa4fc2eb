"""Line charts as text, for terminals: dots of Braille, or plain characters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

from compiler.page.chart import Axis, Chart, Line, Panel, axes, shown_value
from compiler.page.ticks import tick_words

ROWS = 12
SIGNS = "*o+x#@%&=~"
"""The characters of lines, by their series, where Braille cannot be shown."""
LETTERS = "abcdefghij"
"""The ends of lines, by their series, among dots of Braille."""
BRAILLE = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of the dots of a character, by column and row."""
POINT, DOTTED = "\u25cf", "\u2802 \u2802"
"""A point that is shown by itself, and a piece of a dashed line."""
VERTICAL, CORNER, HORIZONTAL = "\u2502", "\u2514", "\u2500"
NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one colour: the number of a series, or none."""

    words: str
    series: int | None = None


Row = tuple[Piece, ...]


def chart_lines(chart: Chart, width: int, *, is_unicode: bool) -> Iterator[Row]:
    """Yield the lines of a chart, none wider than `width` columns, but for names and notes."""
    yield (Piece(chart.title),)
    yield from _legend(chart, width, is_unicode=is_unicode)
    for panel in chart.panels:
        yield ()
        yield (Piece(f"{panel.title}, against {chart.across}"),)
        yield from _panel(chart, panel, width, is_unicode=is_unicode)
    for note in chart.notes:
        yield ()
        yield from ((Piece(line),) for line in wrap(note, width, break_on_hyphens=False))


def _legend(chart: Chart, width: int, *, is_unicode: bool) -> Iterator[Row]:
    """Yield the names of several series with their marks, and what dashed lines are."""
    if len(chart.series) > 1 or (chart.dashed and not is_unicode):
        marks = LETTERS if is_unicode else SIGNS
        for series, name in enumerate(chart.series):
            yield (Piece(f"  {marks[series]} {name}", series),)
    if chart.dashed:
        mark = DOTTED if is_unicode else "."
        indent = " " * (3 + len(mark))
        for line in wrap(f"  {mark} {chart.dashed}", width, subsequent_indent=indent):
            yield (Piece(line),)


def _panel(chart: Chart, panel: Panel, width: int, *, is_unicode: bool) -> Iterator[Row]:
    across, up = axes(chart, panel)
    labels = _vertical_labels(up)
    margin = max(map(len, labels.values()))
    room = max(NARROWEST, width - margin - 3)
    cells = _dots(panel, across, up, room) if is_unicode else _signs(panel, across, up, room)
    if is_unicode:
        _mark_points(cells, panel, across, up, room)
    if is_unicode and len(chart.series) > 1:
        _mark_ends(cells, panel, across, up, room)
    bar, corner, rule = (VERTICAL, CORNER, HORIZONTAL) if is_unicode else "|+-"
    for row in range(ROWS):
        left = f"{labels.get(row, ''):>{margin}} {bar}"
        yield (Piece(left), *_pieces(cells[row]))
    yield (Piece(f"{'':>{margin}} {corner}{rule * room}"),)
    yield (Piece(" " * (margin + 2) + _horizontal_labels(across, room)),)
    ends = (
        f"{chart.series[line.series]} ends at {shown_value(line.points[-1][1])}"
        for line in panel.lines
        if not line.is_dashed
    )
    yield from ((Piece(f"{'':>{margin}}  {each}"),) for each in ends)


Cell = tuple[str, int | None]
Cells = list[list[Cell]]


def _signs(panel: Panel, across: Axis, up: Axis, room: int) -> Cells:
    """Return the cells of a panel with one sign a series, and a dot for dashed lines."""
    cells: Cells = [[(" ", None)] * room for _ in range(ROWS)]
    for line in _dashed_first(panel):
        sign = "." if line.is_dashed else SIGNS[line.series]
        for column, row in _places(line, across, up, room, ROWS):
            cells[row][column] = (sign, line.series)
    return cells


def _dots(panel: Panel, across: Axis, up: Axis, room: int) -> Cells:
    """Return the cells of a panel with 2 x 4 dots each; a cell has the colour of its last line."""
    bits = [[0] * room for _ in range(ROWS)]
    whose: list[list[int | None]] = [[None] * room for _ in range(ROWS)]
    for line in _dashed_first(panel):
        for number, (x, y) in enumerate(_places(line, across, up, 2 * room, 4 * ROWS)):
            if not line.is_dashed or number % 4 == 0:
                bits[y // 4][x // 2] |= DOTS[x % 2][y % 4]
                whose[y // 4][x // 2] = line.series
    return [
        [(chr(BRAILLE + each) if each else " ", own) for each, own in zip(*rows, strict=True)]
        for rows in zip(bits, whose, strict=True)
    ]


def _mark_points(cells: Cells, panel: Panel, across: Axis, up: Axis, room: int) -> None:
    """Write a mark at each point of lines that have few: a dot of Braille would not be seen."""
    for line in panel.lines:
        if line.is_marked and not line.is_dashed:
            for column, row in _corners(line, across, up, room, ROWS):
                cells[row][column] = (POINT, line.series)


def _mark_ends(cells: Cells, panel: Panel, across: Axis, up: Axis, room: int) -> None:
    """Write the letter of each line at its end."""
    for line in panel.lines:
        if not line.is_dashed:
            column, row = _places(line, across, up, room, ROWS)[-1]
            cells[row][column] = (LETTERS[line.series], line.series)


def _dashed_first(panel: Panel) -> list[Line]:
    """Return the lines in the order in which they are drawn: those on top come last."""
    return sorted(panel.lines, key=lambda line: not line.is_dashed)


def _places(line: Line, across: Axis, up: Axis, wide: int, high: int) -> list[tuple[int, int]]:
    """Return the dots that a line goes through, from left to right, row 0 at the top."""
    corners = _corners(line, across, up, wide, high)
    found = corners[:1]
    for (x, y), (to_x, to_y) in pairwise(corners):
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        found += [
            (x + round((to_x - x) * step / steps), y + round((to_y - y) * step / steps))
            for step in range(1, steps + 1)
        ]
    return list(dict.fromkeys(found))


def _corners(line: Line, across: Axis, up: Axis, wide: int, high: int) -> list[tuple[int, int]]:
    """Return the dots at the points of a line."""
    return [
        (round(across.share(x) * (wide - 1)), round((1 - up.share(y)) * (high - 1)))
        for x, y in line.points
    ]


def _vertical_labels(axis: Axis) -> dict[int, str]:
    return {round((1 - axis.share(each)) * (ROWS - 1)): tick_words(each) for each in axis.ticks}


def _horizontal_labels(axis: Axis, room: int) -> str:
    """Return the ticks below their places, as many as have room."""
    line = ""
    for tick in axis.ticks:
        words, place = tick_words(tick), round(axis.share(tick) * (room - 1))
        start = min(max(0, place - len(words) // 2), room - len(words))
        if start >= len(line) + (2 if line else 0):
            line = line.ljust(start) + words
    return line


def _pieces(cells: Sequence[Cell]) -> Iterator[Piece]:
    """Yield the cells of a row, those side by side of one colour together."""
    words, series = "", None
    for sign, own in cells:
        if own != series:
            yield Piece(words, series)
            words, series = "", own
        words += sign
    yield Piece(words.rstrip() if series is None else words, series)
