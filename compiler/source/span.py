"""A place in a text that the author wrote."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@lru_cache(maxsize=8)
def _lines(text: str) -> list[str]:
    """Many places are shown of few texts."""
    return _LINE_END.split(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text and the name under which its author knows it: a path, or `--set a.b=c`."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """The text of line `number`, counted from 1."""
        lines = _lines(self.text)
        return lines[number - 1] if number <= len(lines) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`width` characters from `line`:`column`, both counted from 1."""

    source: Source
    line: int
    column: int
    width: int = 1

    @classmethod
    def at(cls, source: Source, index: int, width: int = 1) -> "Span":
        """`width` characters from the character `index` of the whole text, counted from 0."""
        lines = _LINE_END.split(source.text[:index])
        return cls(source=source, line=len(lines), column=len(lines[-1]) + 1, width=width)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
