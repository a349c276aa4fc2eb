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
    tables = [part for part in section.parts if isinstance(part, Table)]
    for number, part in enumerate(section.parts):
        if number:
            yield ()
        yield from _part(part, tables, width)


def _part(part: Part, tables: Sequence[Table], width: int) -> Iterator[Line]:
    """`tables` are those of the section: alike ones have equal columns."""
    match part:
        case Paragraph(text=sentences):
            yield from (_line("plain", line) for line in _folded(sentences, width))
        case Table():
            alike = [each for each in tables if each.columns[1:] == part.columns[1:]]
            yield from _table(part, _widths(alike), width)
        case Patch():
            yield from _patch(part)


def _widths(tables: Sequence[Table]) -> list[int]:
    rows = [row for table in tables for row in (_names(table), *table.rows)]
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]


def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _table(table: Table, widths: list[int], width: int) -> Iterator[Line]:
    columns, names = table.columns, _names(table)
    room = max(NARROWEST, width - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)) if width else 0
    yield _line("column", _row(columns, names, widths))
    for row in table.rows:
        first, *rest = _folded(row[-1], room)
        yield _line("plain", _row(columns, (*row[:-1], first), widths))
        for below in rest:
            yield _line("plain", _row(columns, (*("" for _ in row[:-1]), below), widths))


def _folded(words: str, width: int) -> list[str]:
    """At blanks alone, for a path or a name is one word; not at all without a width."""
    whole = [words]
    return wrap(words, width, break_on_hyphens=False) or whole if width else whole


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
