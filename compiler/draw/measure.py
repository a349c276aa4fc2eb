"""The size of each box, and where its words and masks stand in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from compiler.draw.diagram import MaskLabel, Node
from compiler.format import engineering
from compiler.mask.mask import Mask
from compiler.page.svg import fitted, text_width, wrapped

TITLE, LINE, LABEL = 13.0, 11.0, 10.0
"""Sizes of fonts."""
PADDING = 12.0
LEADING = 15.0
CHIP = 36.0
"""The side of the small matrix of a mask."""
WIDEST = 216.0
MOST_MASK_LINES = 3
CIRCLE = 26.0
SHEET = 4.0
"""The distance by which one sheet of a pile shows behind another."""
MOST_SHEETS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text: its baseline begins, is centred or ends at (x, y)."""

    x: float
    y: float
    words: str
    size: float = LINE
    bold: bool = False
    anchor: str = "start"
    tone: str = ""

    @property
    def width(self) -> float:
        """The width of the words."""
        return text_width(self.words, self.size, bold=self.bold)

    @property
    def left(self) -> float:
        """The place at which the words begin."""
        return self.x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]

    def moved(self, x: float, y: float) -> "Text":
        """Return the text elsewhere."""
        return Text(
            self.x + x, self.y + y, self.words, self.size, self.bold, self.anchor, self.tone
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """The small matrix of a mask, whose upper left corner is (x, y)."""

    x: float
    y: float
    mask: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The words and masks in a box, relative to its upper left corner."""

    width: float
    height: float
    texts: tuple[Text, ...]
    chips: tuple[Chip, ...] = ()


def is_circle(node: Node) -> bool:
    """Return whether a node is a small circle with a sign."""
    return node.kind in ("sum", "product") and len(node.title) == 1


def sheets(node: Node) -> int:
    """Return how many sheets of its pile are drawn."""
    return min(MOST_SHEETS, node.times)


def are_parameters_drawn(node: Node) -> bool:
    """Return whether the number of a node's parameters is written in its box."""
    return node.parameters > 0 and node.kind not in ("norm", "add_norm")


def measure(node: Node, width: float = 0.0) -> Content:
    """Return the content of a node, in a box that is at least as wide as `width`."""
    if is_circle(node):
        wide = max(width, CIRCLE)
        sign = Text(wide / 2, CIRCLE / 2 + 6, node.title, 18.0, False, "middle")
        return Content(width=wide, height=CIRCLE, texts=(sign,))
    if node.kind in ("input", "output"):
        return _plain(node, width)
    rows = list(_rows(node))
    inner = max([text_width(node.title, TITLE, bold=True), *(_row_width(row) for row in rows)])
    whole = max(width, ceil(inner + 2 * PADDING))
    block = max((_row_width(row) for row in rows if row[0] is not None), default=0.0)
    left = (whole - block) / 2
    texts = [Text(whole / 2, 18.0, node.title, TITLE, True, "middle")]
    chips, y = list[Chip](), 26.0
    for mask, lines in rows:
        height = max(len(lines) * LEADING, CHIP + 2 if mask else 0)
        first = y + (height - len(lines) * LEADING) / 2 + 11
        if mask is None:
            texts += [
                Text(whole / 2, first + LEADING * n, words, LINE, False, "middle", "quiet")
                for n, words in enumerate(lines)
            ]
        else:
            chips.append(Chip(left, y + (height - CHIP) / 2, mask))
            texts += [
                Text(left + CHIP + 8, first + LEADING * n, words, LINE, False, "start", "quiet")
                for n, words in enumerate(lines)
            ]
        y += height + 2
    return Content(
        width=whole, height=y + (5 if rows else 0), texts=tuple(texts), chips=tuple(chips)
    )


def _plain(node: Node, width: float) -> Content:
    """Return words without a box."""
    lines = [node.title, *node.lines]
    wide = 4 + max(width, *(text_width(each, TITLE, bold=not n) for n, each in enumerate(lines)))
    texts = tuple(
        Text(wide / 2, 14.0 + 15 * n, words, TITLE if not n else LINE, not n, "middle")
        for n, words in enumerate(lines)
    )
    return Content(width=wide, height=20.0 + 15 * (len(lines) - 1), texts=texts)


Row = tuple[Mask | None, list[str]]


def _rows(node: Node) -> Iterator[Row]:
    """Yield the lines below the title, those beside the matrix of a mask together."""
    lines = [each for line in node.lines for each in wrapped(line, WIDEST, LINE)]
    if are_parameters_drawn(node):
        lines.append(f"{engineering(node.parameters)} parameters")
    if len(node.masks) == 1:
        yield node.masks[0].mask, [*lines, *_mask_lines(node.masks[0])]
        return
    for each in node.masks:
        yield each.mask, [*filter(None, (each.heads,)), *_mask_lines(each)]
    if lines:
        yield None, lines


def _mask_lines(label: MaskLabel) -> list[str]:
    lines = wrapped(f"mask: {label.mask.text}", WIDEST, LINE)
    if len(lines) > MOST_MASK_LINES:
        kept = " ".join(lines[MOST_MASK_LINES - 1 :])
        lines = [*lines[: MOST_MASK_LINES - 1], fitted(kept, WIDEST, LINE)]
    return lines


def _row_width(row: Row) -> float:
    mask, lines = row
    width = max((text_width(each, LINE) for each in lines), default=0.0)
    return width + (CHIP + 8 if mask is not None else 0)
