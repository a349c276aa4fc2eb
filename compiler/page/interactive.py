"""Pages with a script in one file that needs nothing else: no internet connection, no other file.

A browser that opens such a page is told to refuse whatever would be loaded from elsewhere.
"""

import json
import re
from html import escape
from string import Template

from compiler.page.html import file_beside

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The Content-Security-Policy of these pages: only what stands in the file itself is used."""


def interactive_page(*, title: str, style: str, script: str, data: object, body: str = "") -> str:
    """Return a whole file; the script reads `data` by `JSON.parse` from the element `data`.

    `body` is HTML that stands before the script, and `title` is plain text. Raises ValueError for
    data that JSON does not have, such as NaN, and for a style or a script that would end its own
    element.
    """
    for name, text in (("style", style), ("script", script)):
        if re.search(rf"</{name}|<!--", text, re.IGNORECASE):
            raise ValueError(f"expected a {name} that does not end its element, got {text!r}")
    values = {
        "policy": POLICY,
        "title": escape(title),
        "style": style,
        "body": body,
        "data": embedded(data),
        "script": script,
    }
    return Template(file_beside(__file__, "interactive.html")).substitute(values)


def embedded(data: object) -> str:
    """Return data as JSON that can stand in a script element: no `<` begins a tag in it.

    Raises ValueError for numbers that JSON does not have.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
