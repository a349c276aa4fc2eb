"""The words of a line of Python, for colour."""

import keyword
import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["", "comment", "string", "number", "keyword", "name"]

_WORDS = re.compile(
    r"""
    (?P<comment>\#.*)
    | (?P<string>[rbf]*(?:\"\"\".*?(?:\"\"\"|$)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    | (?<=def[ ])(?P<name>\w+) | (?<=class[ ])(?P<title>\w+)
    | (?P<number>\b\d[\w.]*(?:(?<=e)-\d+)?)
    | (?P<keyword>\b(?:KEYWORDS)\b)
    """.replace("KEYWORDS", "|".join(keyword.kwlist)),
    re.VERBOSE,
)


def words(line: str) -> Iterator[tuple[Kind, str]]:
    """Return the pieces of a line in order, each with its kind; together they are the line."""
    end = 0
    for match in _WORDS.finditer(line):
        if match.start() > end:
            yield "", line[end : match.start()]
        yield _KINDS[match.lastgroup or ""], match[0]
        end = match.end()
    if end < len(line):
        yield "", line[end:]


_KINDS: dict[str, Kind] = {
    "comment": "comment",
    "string": "string",
    "number": "number",
    "keyword": "keyword",
    "name": "name",
    "title": "name",
}
