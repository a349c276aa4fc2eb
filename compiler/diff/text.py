"""A page as text for a terminal: lines of pieces with the name of their style."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Literal

from compiler.diff.document import Column, Document, Hunk, Paragraph, Part, Patch, Section, Table
from compiler.diff.syntax import Kind, words

Style = Literal["title", "heading", "column", "plain", "file", "head", "cause", "added", "removed"]
Piece = tuple[Style, Kind, str]
Line = tuple[Piece, ...]

GAP = "  "
NARROWEST = 20


def text(document: Document) -> str:
    """The page without colour, in lines as long as they need to be."""
    whole = ("".join(words for _, _, words in line) for line in lines(document))
    return "".join(f"{line.rstrip()}\n" for line in whole)


def lines(document: Document, width: int = 0) -> Iterator[Line]:
    """The page; cells of a last column, and sentences, are folded at a width, if one is given."""
    yield _line("title", document.title)
    for section in document.sections:
        yield ()
        yield from _section(section, width)


def _line(style: Style, words: str) -> Line:
    return ((style, "", words),)


def _section(section: Section, width: int) -> Iterator[Line]:
    if section.title:
        yield _line("heading", section.title)
    for number, part in enumerate(section.parts):
        if number:
            yield ()
        yield from _part(part, width)


def _part(part: Part, width: int) -> Iterator[Line]:
    match part:
        case Paragraph(text=sentences):
            folded = wrap(sentences, width) if width else [sentences]
            yield from (_line("plain", line) for line in folded)
        case Table(columns=columns, rows=rows):
            yield from _table(columns, rows, width)
        case Patch():
            yield from _patch(part)


def _table(
    columns: Sequence[Column], rows: Sequence[tuple[str, ...]], width: int
) -> Iterator[Line]:
    names = tuple(column.name for column in columns)
    widths = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    room = max(NARROWEST, width - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)) if width else 0
    yield _line("column", _row(columns, names, widths))
    for row in rows:
        first, *rest = wrap(row[-1], room) if room and row[-1] else [row[-1]]
        yield _line("plain", _row(columns, (*row[:-1], first), widths))
        for below in rest:
            yield _line("plain", _row(columns, (*("" for _ in row[:-1]), below), widths))


def _row(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if column.align == "right" else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()


def _patch(patch: Patch) -> Iterator[Line]:
    yield _line("file", f"--- {patch.before}")
    yield _line("file", f"+++ {patch.after}")
    for hunk in patch.hunks:
        yield from _hunk(hunk)


def _hunk(hunk: Hunk) -> Iterator[Line]:
    causes: Line = (("cause", "", f"  # {', '.join(hunk.causes)}"),) if hunk.causes else ()
    yield (*_line("head", hunk.head), *causes)
    for line in hunk.lines:
        style = STYLES.get(line[:1], "plain")
        yield ((style, "", line[:1]), *((style, kind, word) for kind, word in words(line[1:])))


STYLES: dict[str, Style] = {"+": "added", "-": "removed"}
