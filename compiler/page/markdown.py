"""A page as Markdown, as GitHub shows it."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from compiler.page.model import Document, Hunk, Paragraph, Part, Patch, Section, Table

_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")
"""Not an underscore inside of a word, which means nothing there."""


def escaped(text: str) -> str:
    """Return text that means itself, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(
    heads: Sequence[str], rows: Iterable[Iterable[str]], *, right: Collection[int] = ()
) -> str:
    """Return a table of cells that are Markdown already.

    The columns with the numbers in `right`, from 0 on, are aligned to the right.
    """
    rules = ("---:" if column in right else "---" for column in range(len(heads)))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows))


def markdown(page: Document | Table, *, level: int = 2) -> str:
    """Return the page with headings of a level and below; 1 where it does not stand in another."""
    if isinstance(page, Table):
        return f"{_table(page)}\n"
    blocks = [f"{'#' * level} {escaped(page.title)}"] if page.title else []
    blocks += (block for section in page.sections for block in _section(section, level + 1))
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, level: int) -> Iterator[str]:
    if section.title:
        yield f"{'#' * level} {escaped(section.title)}"
    yield from map(_part, section.parts)


def _part(part: Part) -> str:
    match part:
        case Paragraph(text=text):
            return escaped(text)
        case Table():
            return _table(part)
        case Patch():
            return _patch(part)


def _table(part: Table) -> str:
    """Return the table and, as a list, the notes below it."""
    rows = table(
        [escaped(column.name) for column in part.columns],
        [map(escaped, row) for row in part.texts],
        right=[number for number, each in enumerate(part.columns) if each.align != "left"],
    )
    notes = [f"- {escaped(note)}" for note in part.notes]
    return "\n".join([rows, "", *notes] if notes else [rows])


def _patch(patch: Patch) -> str:
    names = [f"--- {patch.before}", f"+++ {patch.after}"]
    lines = [*names, *(line for hunk in patch.hunks for line in _hunk(hunk))]
    fence = _fence(lines)
    return "\n".join([f"{fence}diff", *lines, fence])


def _hunk(hunk: Hunk) -> Iterator[str]:
    causes = f"  # {', '.join(hunk.causes)}" if hunk.causes else ""
    yield hunk.head + causes
    yield from hunk.lines


def _fence(lines: list[str]) -> str:
    """Return a fence that is longer than any run of backticks that it encloses."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    return "`" * max(3, max(runs, default=0) + 1)
