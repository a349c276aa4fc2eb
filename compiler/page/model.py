"""The model of a page for people, before it is text, Markdown, HTML, LaTeX or CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "strong", "quiet", "absent", "bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column, and how its cells stand.

    `kind` is the class of its cells in HTML, where it stands in the place of `align`. A `symbol` is
    set as mathematics: `d_model` is a d with a subscript. `help` explains the name.
    """

    name: str
    align: Literal["left", "center", "right"] = "left"
    kind: str = ""
    tone: Tone = ""
    symbol: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell with more than its text: a footnote `mark`, a tone, the target of a link."""

    text: str
    mark: str = ""
    tone: Tone = ""
    link: str = ""

    def __str__(self) -> str:
        return self.text + self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells, as many in each as there are columns, and notes below them.

    `groups` are the numbers of the rows with which a group begins: its name is in the first cell of
    that row, and the cells below are blank. `base` is the number of the row that others are
    compared with. Text that has too little room for the columns of a table with `records` has a
    line for each cell, behind the name of its column.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    groups: frozenset[int] = frozenset()
    base: int | None = None
    notes: tuple[str, ...] = ()
    records: bool = False

    @property
    def texts(self) -> list[list[str]]:
        """The text of all cells, row by row."""
        return [list(map(str, row)) for row in self.rows]


def columns(names: Sequence[str], *, right: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return plain columns with these names; the cells of those in `right` are aligned so."""
    return tuple(Column(name=each, align="right" if each in right else "left") for each in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A piece of a unified diff: `head` is its `@@` line, `lines` begin with a blank, + or -.

    `causes` are the settings that it comes from.
    """

    head: str
    lines: tuple[str, ...]
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """The unified diff of one file."""

    before: str
    after: str
    hunks: tuple[Hunk, ...]


Part = Paragraph | Table | Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Parts under a title, which may be empty."""

    title: str = ""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Sections under a title, which may be empty."""

    title: str = ""
    sections: tuple[Section, ...]
