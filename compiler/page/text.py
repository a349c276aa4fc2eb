"""A page as text: lines of pieces with the name of their style, and of words of code their kind."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Literal

from compiler.page.model import (
    Cell,
    Column,
    Document,
    Hunk,
    Paragraph,
    Part,
    Patch,
    Section,
    Table,
    Tone,
)
from compiler.page.syntax import Kind, words

Style = Literal["title", "heading", "column", "file", "head", "cause", "added", "removed"] | Tone
Piece = tuple[Style, Kind, str]
Line = tuple[Piece, ...]

GAP = "  "
RULE = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"
NARROWEST = 20


def text(page: Document | Table, width: int = 0) -> str:
    """Return the page without colour; its lines are as long as they need to be without a width."""
    whole = ("".join(piece for _, _, piece in line) for line in lines(page, width))
    return "".join(f"{line.rstrip()}\n" for line in whole)


def as_csv(table: Table) -> str:
    """Return a table for programs, as comma-separated values; notes are left out."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows(table.texts)
    return file.getvalue()


def lines(page: Document | Table, width: int = 0) -> Iterator[Line]:
    """Return the lines of a page.

    If a width is given, sentences and the cells of a last column are folded at it, and the heads of
    a table that is wider are broken at blanks.
    """
    if isinstance(page, Table):
        yield from _table(page, [page], width)
        return
    blocks = [[_line("title", page.title)]] if page.title else []
    blocks += [list(_section(section, width)) for section in page.sections]
    for number, block in enumerate(blocks):
        if number:
            yield ()
        yield from block


def least_width(table: Table) -> int:
    """Return the columns of a terminal that a table needs, its heads broken at blanks."""
    return _whole(_widths([table], is_narrow=True))


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
    """Return the lines of a part; `tables` of its section that are alike have equal columns."""
    match part:
        case Paragraph(text=sentences):
            yield from (_line("", line) for line in _folded(sentences, width))
        case Table():
            yield from _table(part, [e for e in tables if e.columns[1:] == part.columns[1:]], width)
        case Patch():
            yield from _patch(part)


def _table(table: Table, alike: Sequence[Table], width: int) -> Iterator[Line]:
    is_narrow = bool(width) and _whole(_widths(alike, is_narrow=False)) > width
    widths = _widths(alike, is_narrow=is_narrow)
    room = max(NARROWEST, width - _whole([*widths[:-1], 0])) if width else 0
    if table.records and is_narrow and _whole([*widths[:-1], NARROWEST]) > width:
        yield from _records(table, width)
        return
    rule = [_line("quiet", RULE * _whole(widths))] if table.notes else []
    yield from _heads(table, widths, is_narrow=is_narrow)
    yield from rule
    for number, row in enumerate(table.rows):
        if number in table.groups and number:
            yield ()
        first, *rest = _folded(str(row[-1]), room)
        last = row[-1] if str(row[-1]) == first else first
        yield _row(table.columns, (*row[:-1], last), widths)
        for below in rest:
            yield _row(table.columns, (*("" for _ in row[:-1]), below), widths)
    yield from rule
    yield from (_line("quiet", line) for note in table.notes for line in _folded(note, width))


def _records(table: Table, width: int) -> Iterator[Line]:
    """Return the rows of a table below each other, a cell a line, behind the name of its column."""
    indent = max(len(column.name) for column in table.columns) + len(GAP)
    for number, row in enumerate(table.rows):
        if number:
            yield ()
        for column, cell in zip(table.columns, row, strict=True):
            first, *rest = _folded(str(cell), max(NARROWEST, width - indent))
            tone = cell.tone if isinstance(cell, Cell) and cell.tone else column.tone
            yield ("column", "", column.name.ljust(indent)), (tone, "", first)
            yield from (_line(tone, " " * indent + below) for below in rest)


def _heads(table: Table, widths: Sequence[int], *, is_narrow: bool) -> Iterator[Line]:
    """Return the lines of the heads, their last words beside each other; none without names."""
    stacked = [_broken(column, is_narrow=is_narrow)[::-1] for column in table.columns]
    plain = [Column(name="", align=column.align, tone=column.tone) for column in table.columns]
    for names in [*zip_longest(*stacked, fillvalue="")][::-1]:
        if any(names):
            whole = "".join(piece for _, _, piece in _row(plain, names, widths))
            yield _line("column", whole)


def _broken(column: Column, *, is_narrow: bool) -> list[str]:
    return column.name.split() if is_narrow else [column.name]


def _widths(tables: Sequence[Table], *, is_narrow: bool) -> list[int]:
    """Return the widths that the columns of tables need together."""
    heads = [[_broken(each, is_narrow=is_narrow) for each in table.columns] for table in tables]
    rows = [[[cell] for cell in row] for table in tables for row in table.texts]
    cells = zip(*heads, *rows, strict=True)
    return [max(len(line) for cell in own for line in ("", *cell)) for own in cells]


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _folded(words: str, width: int) -> list[str]:
    """Return lines, broken at blanks alone: a path or a name is one word."""
    whole = [words]
    return wrap(words, width, break_on_hyphens=False) or whole if width else whole


def _row(columns: Sequence[Column], cells: Sequence[str | Cell], widths: Sequence[int]) -> Line:
    padded = [
        str(cell).ljust(width) if column.align == "left" else str(cell).rjust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    end = len(GAP.join(padded).rstrip())
    pieces: list[Piece] = []
    for column, cell, own in zip(columns, cells, padded, strict=True):
        whole = GAP + own if pieces else own
        tone = cell.tone if isinstance(cell, Cell) and cell.tone else column.tone
        pieces.append((tone, "", whole[: max(0, end)]))
        end -= len(whole)
    return tuple(piece for piece in pieces if piece[2])


def _patch(patch: Patch) -> Iterator[Line]:
    yield _line("file", f"--- {patch.before}")
    yield _line("file", f"+++ {patch.after}")
    for hunk in patch.hunks:
        yield from _hunk(hunk)


def _hunk(hunk: Hunk) -> Iterator[Line]:
    causes: Line = (("cause", "", f"  # {', '.join(hunk.causes)}"),) if hunk.causes else ()
    yield (*_line("head", hunk.head), *causes)
    for line in hunk.lines:
        style = STYLES.get(line[:1], "")
        yield ((style, "", line[:1]), *((style, kind, word) for kind, word in words(line[1:])))


STYLES: dict[str, Style] = {"+": "added", "-": "removed"}
