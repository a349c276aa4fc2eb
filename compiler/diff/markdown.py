"""A page as Markdown, for a comment on a pull request."""

import re
from collections.abc import Iterator

from compiler.diff.document import Document, Hunk, Paragraph, Part, Patch, Section, Table

_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")
"""Not an underscore inside of a word, which means nothing there."""


def markdown(document: Document) -> str:
    """The page; headings of the second level and below, for it stands in another."""
    blocks = [f"## {escaped(document.title)}"]
    blocks += (block for section in document.sections for block in _section(section))
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text that means itself, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(section: Section) -> Iterator[str]:
    if section.title:
        yield f"### {escaped(section.title)}"
    for part in section.parts:
        yield _part(part)


def _part(part: Part) -> str:
    match part:
        case Paragraph(text=text):
            return escaped(text)
        case Table():
            return "\n".join(_table(part))
        case Patch():
            return _patch(part)


def _table(table: Table) -> Iterator[str]:
    yield _row(column.name for column in table.columns)
    yield f"|{'|'.join('---:' if each.align == 'right' else '---' for each in table.columns)}|"
    for row in table.rows:
        yield _row(row)


def _row(cells: Iterator[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


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
    """Longer than any run of backticks that it encloses."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    return "`" * max(3, max(runs, default=0) + 1)
