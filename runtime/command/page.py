"""Pages on standard output: with colours on a terminal, else as plain text or in another form."""

import os
from collections.abc import Iterable

import typer
from rich.text import Text

from compiler.page import text
from compiler.page.model import Document, Table
from runtime.system.terminal import Console, plain

STYLES: dict[text.Style, str] = {
    "": "",
    "title": "bold",
    "heading": "bold",
    "column": "bold",
    "file": "bold",
    "head": "cyan",
    "cause": "bold magenta",
    "added": "on #12361f",
    "removed": "on #4a1a1d",
    "strong": "bold",
    "quiet": "dim",
    "absent": "dim italic",
    "bad": "red",
}
WORDS = {
    "": "",
    "comment": "dim",
    "string": "yellow",
    "number": "cyan",
    "keyword": "magenta",
    "name": "blue",
}


def print_page(page: Document | Table, form: str = "text", piped: int = 0) -> None:
    """Print a page; as text it is as wide as the terminal, and as it needs to be elsewhere.

    If `piped` is given, it is so many columns wide elsewhere. Colours are there on terminals, and
    where git's pager shows them.
    """
    if form == "text" and (console := _console()).is_terminal:
        console.print(_coloured(text.lines(page, console.width)), soft_wrap=True, end="")
    elif form == "text":
        typer.echo(text.text(page, piped), nl=False)
    else:
        typer.echo(page_in(page, form), nl=False)


def page_in(page: Document | Table, form: str = "text") -> str:
    """Return a page as a file holds it: text in lines as long as they need to be, or `form`."""
    if form == "markdown":
        from compiler.page.markdown import markdown

        return markdown(page)
    if form == "html" and isinstance(page, Document):
        from compiler.page import html

        return html.page(page)
    return text.text(page)


def terminal_width() -> int | None:
    """Return the columns of the terminal; None if standard output is none."""
    console = _console()
    return console.width if console.is_terminal else None


def page_width() -> int | None:
    """Return the columns that the variable COLUMNS asks for, or that the terminal has, or None."""
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() and int(asked) else terminal_width()


def _console() -> Console:
    return Console(force_terminal=True if "GIT_PAGER_IN_USE" in os.environ else None)


def _coloured(lines: Iterable[text.Line]) -> Text:
    whole = Text()
    for line in lines:
        for style, kind, words in line:
            whole.append(plain(words), f"{WORDS[kind]} {STYLES[style]}".strip())
        whole.append("\n")
    return whole
