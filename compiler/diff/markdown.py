"""A page as Markdown, for a comment on a pull request."""

import re
from collections.abc import Iterator

from compiler.diff.document import Document, Hunk, Paragraph, Part, Patch, Section, Table
from compiler.markdown import escaped, table


def markdown(document: Document) -> str:
    """The page; headings of the second level and below, for it stands in another."""
    blocks = [f"## {escaped(document.title)}"]
    blocks += (block for section in document.sections for block in _section(section))
    return "\n\n".join(blocks) + "\n"


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
            return _table(part)
        case Patch():
            return _patch(part)


def _table(part: Table) -> str:
    return table(
        [escaped(column.name) for column in part.columns],
        [map(escaped, row) for row in part.rows],
        right=[number for number, column in enumerate(part.columns) if column.align == "right"],
    )


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
