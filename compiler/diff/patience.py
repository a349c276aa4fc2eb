"""Lines of two texts side by side, as an engineer would pair them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from compiler.page.model import Hunk

CONTEXT = 3
Lines = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines `before` of the one text, counted from 0, have become lines `after` of the other."""

    before: range
    after: range


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The edits between two texts, in order."""

    before: Lines
    after: Lines
    edits: tuple[Edit, ...]

    @property
    def removed(self) -> set[int]:
        return {line for edit in self.edits for line in edit.before}

    @property
    def added(self) -> set[int]:
        return {line for edit in self.edits for line in edit.after}

    @property
    def partners(self) -> dict[int, int]:
        """The line of the one text for each of the other that is the same."""
        removed, added = self.removed, self.added
        same = (line for line in range(len(self.before)) if line not in removed)
        return dict(zip((n for n in range(len(self.after)) if n not in added), same, strict=True))


def paired(before: Lines, after: Lines) -> Pairing:
    """The lines of two texts, paired."""
    whole = Edit(before=range(len(before)), after=range(len(after)))
    found = list(_edits(before, after, whole))
    starts = [*(each.before.start for each in found[1:]), len(before)]
    edits: list[Edit] = []
    for edit, next_start in zip(found, starts, strict=False):
        last_stop = edits[-1].before.stop if edits else 0
        room = range(last_stop - edit.before.start, next_start - edit.before.stop + 1)
        edits.append(_placed(edit, before, after, room))
    return Pairing(before=before, after=after, edits=tuple(edits))


def _edits(before: Lines, after: Lines, part: Edit) -> Iterator[Edit]:
    """Between lines that both texts have exactly once (patience diff).

    Those are never confused, as blank lines and brackets are.
    """
    anchors = _anchors(before, after, part)
    ends = (part.before.stop, part.after.stop)
    start = (part.before.start, part.after.start)
    gaps = []
    for anchor in [*anchors, ends]:
        gaps.append(Edit(before=range(start[0], anchor[0]), after=range(start[1], anchor[1])))
        start = (anchor[0] + 1, anchor[1] + 1)
    for gap in gaps:
        if anchors and gap.before and gap.after:
            yield from _edits(before, after, gap)
        elif gap.before or gap.after:
            yield from _plain_edits(before, after, gap)


def _anchors(before: Lines, after: Lines, part: Edit) -> list[tuple[int, int]]:
    """The longest row of unique common lines that are in the same order in both."""
    counts = [
        Counter(lines[number] for number in numbers)
        for lines, numbers in ((before, part.before), (after, part.after))
    ]
    place = {after[number]: number for number in part.after if counts[1][after[number]] == 1}
    common = [
        (number, place[before[number]])
        for number in part.before
        if counts[0][before[number]] == 1 and before[number] in place
    ]
    return _longest_rising(common)


def _longest_rising(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Points, sorted by their first number, whose second numbers rise: as many as there can be."""
    tops: list[int] = []
    piles: list[list[tuple[tuple[int, int], int]]] = []
    for point in points:
        pile = bisect_left(tops, point[1])
        below = len(piles[pile - 1]) - 1 if pile else -1
        if pile == len(tops):
            tops.append(point[1])
            piles.append([])
        tops[pile] = point[1]
        piles[pile].append((point, below))
    row: list[tuple[int, int]] = []
    index = -1
    for each in reversed(piles):
        point, index = each[index]
        row.append(point)
    return row[::-1]


def _plain_edits(before: Lines, after: Lines, gap: Edit) -> Iterator[Edit]:
    one, other = [before[each] for each in gap.before], [after[each] for each in gap.after]
    codes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    for tag, *bounds in codes:
        if tag != "equal":
            first, last, start, stop = bounds
            yield Edit(before=gap.before[first:last], after=gap.after[start:stop])


def _placed(edit: Edit, before: Lines, after: Lines, room: range) -> Edit:
    """Move an edit to where it is read best, in the room between its neighbours.

    A block that only comes or goes may often lie a few lines higher or lower: best is where it
    begins with a line that is indented least, after a blank one.
    """
    if edit.before and edit.after:
        return edit
    lines, block = (before, edit.before) if edit.before else (after, edit.after)
    shifts = [shift for shift in _shifts(lines, block) if shift in room]
    best = min(shifts, key=lambda shift: (_awkwardness(lines, block, shift), -shift))
    return Edit(before=_shifted(edit.before, best), after=_shifted(edit.after, best))


def _shifts(lines: Lines, block: range) -> range:
    """Return how far a block can move without a change of what comes or goes."""
    up = down = 0
    while block.start - up > 0 and lines[block.start - up - 1] == lines[block.stop - up - 1]:
        up += 1
    while block.stop + down < len(lines) and lines[block.start + down] == lines[block.stop + down]:
        down += 1
    return range(-up, down + 1)


def _awkwardness(lines: Lines, block: range, shift: int) -> tuple[int, bool]:
    first = lines[block.start + shift]
    above = lines[block.start + shift - 1] if block.start + shift else ""
    indent = len(first) - len(first.lstrip()) if first.strip() else 1000
    return indent, bool(above.strip())


def _shifted(numbers: range, shift: int) -> range:
    return range(numbers.start + shift, numbers.stop + shift)


def hunks(pairing: Pairing, shift: int = 0) -> Iterator[tuple[Hunk, list[Edit]]]:
    """The unified diff, each hunk with its edits; edits that are near each other share one.

    The lines of the second text are numbered as if `shift` more stood above them.
    """
    near: list[Edit] = []
    for edit in pairing.edits:
        if near and edit.before.start - near[-1].before.stop > 2 * CONTEXT:
            yield _hunk(pairing, near, shift), near
            near = []
        near.append(edit)
    if near:
        yield _hunk(pairing, near, shift), near


def _hunk(pairing: Pairing, edits: list[Edit], shift: int) -> Hunk:
    start = max(0, edits[0].before.start - CONTEXT)
    stop = min(len(pairing.before), edits[-1].before.stop + CONTEXT)
    first = edits[0].after.start - (edits[0].before.start - start)
    last = edits[-1].after.stop + (stop - edits[-1].before.stop)
    old, new = _counted(start, stop), _counted(first + shift, last + shift)
    head = f"@@ -{old} +{new} @@ {_enclosing(pairing.before, start)}".rstrip()
    return Hunk(head=head, lines=tuple(_lines(pairing, edits, start, stop)))


def _lines(pairing: Pairing, edits: list[Edit], start: int, stop: int) -> Iterator[str]:
    for edit in edits:
        yield from (f" {line}" for line in pairing.before[start : edit.before.start])
        yield from (f"-{pairing.before[line]}" for line in edit.before)
        yield from (f"+{pairing.after[line]}" for line in edit.after)
        start = edit.before.stop
    yield from (f" {line}" for line in pairing.before[start:stop])


def _counted(start: int, stop: int) -> str:
    """Return a range as unified diffs count: from 1, and from 0 where there is nothing."""
    return f"{start + 1 if stop > start else start},{stop - start}"


def _enclosing(lines: Lines, number: int) -> str:
    """The class or function that a line stands in."""
    above = (line for line in reversed(lines[:number]) if line[:1].isalpha() or line[:1] == "_")
    line = next(above, "")
    return line.rstrip(":") if line.startswith(("class ", "def ")) else ""
