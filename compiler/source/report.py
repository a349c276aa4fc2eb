"""Diagnostics for machines, as JSON and as annotations of GitHub, and the pages on their codes."""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from compiler.source.diagnostic import Diagnostic
from compiler.source.span import Span

PAGES = Path(__file__).with_name("errors.md")
FORMER_CODES = {"moot-key": "unused-key", "moot-ignore": "unused-ignore"}
"""Codes of former versions, which people may still look up."""


@cache
def pages() -> dict[str, str]:
    """The page of every code, in Markdown, without its heading; in the order of the file."""
    parts = re.split(r"(?m)^## (.+)\n", PAGES.read_text(encoding="utf-8"))
    return {code: page.strip() for code, page in zip(parts[1::2], parts[2::2], strict=True)}


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects; lines and columns count from 1, `end_column` is the one after the last."""
    return json.dumps([_object(each) for each in diagnostics], indent=2, ensure_ascii=False)


def as_github(diagnostics: Iterable[Diagnostic]) -> str:
    """A workflow command for each: GitHub shows it beside the line that it is about."""
    return "\n".join(_annotation(each) for each in diagnostics)


def _object(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        **_place(diagnostic.span),
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "notes": [{**_place(note.span), "message": note.text} for note in diagnostic.notes],
    }


def _place(span: Span) -> dict[str, object]:
    end = span.column + span.width
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_column": end,
    }


def _annotation(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place = {
        "file": span.source.name,
        "line": span.line,
        "col": span.column,
        "endColumn": span.column + span.width - 1,
        "title": diagnostic.code,
    }
    properties = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in place.items())
    text = "\n".join(filter(None, (diagnostic.message, diagnostic.help)))
    return f"::{diagnostic.severity} {properties}::{_escaped(text)}"


def _escaped(text: str, also: str = "") -> str:
    """Percent signs, ends of lines and the signs in `also`, as workflow commands want them."""
    for sign in f"%\r\n{also}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
