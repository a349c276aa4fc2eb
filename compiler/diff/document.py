"""A page for people, before it is text, Markdown or HTML."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column, and where its numbers or words stand."""

    name: str
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells, as many in each as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


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
    """Parts under a title."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Sections under a title."""

    title: str
    sections: tuple[Section, ...]
