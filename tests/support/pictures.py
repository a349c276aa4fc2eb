"""The geometry of a picture of a network, read from its SVG: boxes, frames, words and lines."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from compiler.page.svg import text_width

SVG = "{http://www.w3.org/2000/svg}"
ASCENT, DESCENT = 0.72, 0.22
"""The height of capitals above the baseline, and what is below it, as shares of the size."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle, and what it belongs to."""

    left: float
    top: float
    right: float
    bottom: float
    of: str = ""

    def overlaps(self, other: "Rectangle", by: float = 0.5) -> bool:
        """Whether two share more than `by` pixels in both directions."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > by
            and min(self.bottom, other.bottom) - max(self.top, other.top) > by
        )

    def holds(self, other: "Rectangle", margin: float = 0.0) -> bool:
        return (
            self.left + margin <= other.left
            and self.top + margin <= other.top
            and other.right <= self.right - margin
            and other.bottom <= self.bottom - margin
        )


@dataclass
class Geometry:
    """All that is drawn, in the coordinates of the whole picture.

    `bare` are the nodes that are words without a box.
    """

    whole: Rectangle
    boxes: list[Rectangle] = field(default_factory=list)
    frames: list[Rectangle] = field(default_factory=list)
    inside: list[Rectangle] = field(default_factory=list)
    labels: list[Rectangle] = field(default_factory=list)
    lines: list[Rectangle] = field(default_factory=list)
    bare: set[str] = field(default_factory=set)

    def faults(self) -> Iterator[str]:
        """Sentences about what overlaps, is cut, or leaves the picture."""
        for kind, things in (("box", self.boxes), ("frame", self.frames), ("label", self.labels)):
            for one, other in combinations(things, 2):
                if one.overlaps(other):
                    yield f"{kind} {one.of} overlaps {kind} {other.of}"
        by_name = {each.of: each for each in self.boxes}
        for words in self.inside:
            node = words.of.split("|")[0]
            if node not in self.bare and not by_name[node].holds(words, 1.0):
                yield f"text {words.of} leaves its box"
        for one, other in combinations(self.inside, 2):
            if one.overlaps(other):
                yield f"text {one.of} overlaps {other.of}"
        for each in (*self.boxes, *self.frames, *self.labels, *self.lines, *self.inside):
            if not self.whole.holds(each):
                yield f"{each.of} leaves the picture"
        for box in self.boxes:
            yield from (f"label {e.of} is on box {box.of}" for e in self.labels if e.overlaps(box))
            yield from (
                f"an arrow crosses box {box.of} at {e}" for e in self.lines if e.overlaps(box, 2.0)
            )
            for frame in self.frames:
                if frame.overlaps(box) and not frame.holds(box, 4.0):
                    yield f"box {box.of} is across the frame {frame.of}"
        for label in self.labels:
            yield from (f"an arrow crosses {label.of}" for e in self.lines if crosses(e, label))


def crosses(line: Rectangle, words: Rectangle) -> bool:
    """Whether a piece of a line runs through words."""
    return line.overlaps(
        Rectangle(words.left + 1, words.top + 1, words.right - 1, words.bottom - 1)
    )


def geometry(svg: str) -> Geometry:
    """Read a picture; raises an error for what is no XML."""
    root = ElementTree.fromstring(svg)
    whole = Rectangle(0, 0, float(root.attrib["width"]), float(root.attrib["height"]))
    found = Geometry(whole)
    for child in root:
        x, y = _moved(child)
        for part in child:
            _read(part, x, y, found)
    return found


def _read(part: ElementTree.Element, x: float, y: float, found: Geometry) -> None:
    match part.attrib.get("class", "").split(" ")[0]:
        case "node":
            key = part.attrib["data-key"]
            rectangles = [_rectangle(each, x, y, key) for each in part.findall(f"{SVG}rect")]
            texts = [_text(each, x, y, f"{key}|{each.text}") for each in part.findall(f"{SVG}text")]
            found.inside += texts
            found.boxes.append(_hull(rectangles or texts, key))
            found.bare |= set() if rectangles else {key}
        case "group":
            found.frames.append(_rectangle(part, x, y, part.attrib["data-id"]))
        case "label":
            found.labels.append(_text(part, x, y, part.text or ""))
        case "flow" | "residual" | "side":
            found.lines += _pieces(part, x, y)


def _moved(element: ElementTree.Element) -> tuple[float, float]:
    numbers = re.findall(r"[-\d.]+", element.attrib.get("transform", "0 0"))
    return float(numbers[0]), float(numbers[1])


def _rectangle(element: ElementTree.Element, x: float, y: float, of: str) -> Rectangle:
    left, top, width, height = (float(element.attrib[k]) for k in ("x", "y", "width", "height"))
    return Rectangle(left + x, top + y, left + x + width, top + y + height, of)


def _hull(rectangles: list[Rectangle], of: str) -> Rectangle:
    return Rectangle(
        min(e.left for e in rectangles),
        min(e.top for e in rectangles),
        max(e.right for e in rectangles),
        max(e.bottom for e in rectangles),
        of,
    )


def _text(element: ElementTree.Element, x: float, y: float, of: str) -> Rectangle:
    size, is_bold = float(element.attrib["font-size"]), element.attrib.get("font-weight") == "bold"
    width = text_width(element.text or "", size, bold=is_bold)
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.attrib.get("text-anchor", "start")]
    left, baseline = float(element.attrib["x"]) + x - share * width, float(element.attrib["y"]) + y
    return Rectangle(left, baseline - ASCENT * size, left + width, baseline + DESCENT * size, of)


def _pieces(element: ElementTree.Element, x: float, y: float) -> Iterator[Rectangle]:
    """The straight pieces of a path, as rectangles of the width of a line."""
    numbers = [float(each) for each in re.findall(r"-?[\d.]+", element.attrib["d"])]
    points = [(a + x, b + y) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    for (a, b), (c, d) in pairwise(points):
        yield Rectangle(min(a, c) - 0.6, min(b, d) - 0.6, max(a, c) + 0.6, max(b, d) + 0.6, "line")
