"""`specformer diff`: what one spec, package or run changes against another."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.diff.difference import Difference
    from compiler.diff.document import Document
    from compiler.diff.text import Line

STYLES = {
    **{"title": "bold", "heading": "bold", "column": "dim", "file": "bold", "head": "cyan"},
    **{"cause": "bold magenta", "plain": "", "added": "on #12361f", "removed": "on #4a1a1d"},
}
WORDS = {
    **{"": "", "comment": "dim", "string": "yellow", "number": "cyan", "keyword": "magenta"},
    "name": "blue",
}


def diff(
    sides: Annotated[
        list[str],
        typer.Argument(metavar="A B", help="Specs, packages, runs, or REV:path in git."),
    ],
    form: Annotated[Literal["text", "markdown", "json", "html"], typer.Option("--format")] = "text",
    git: Annotated[
        bool, typer.Option("--git", help="Take the arguments of git's external diff; exit 0.")
    ] = False,
) -> None:
    """Show what B changes against A: in meaning, code, cost and checkpoints. Exit 1 if anything."""
    if git:
        show(git_page(sides, form), form)
        return
    found = compare(sides)
    if form == "json":
        from compiler.diff.data import as_json

        typer.echo(as_json(found), nl=False)
    else:
        from compiler.diff.difference import document

        show(document(found), form)
    raise typer.Exit(0 if found.is_equal else 1)


def compare(sides: list[str]) -> "Difference":
    """The difference of two things; raises a UserError unless there are two."""
    from compiler.diff.difference import difference
    from compiler.diff.side import read_side
    from compiler.source.diagnostic import for_each

    if len(sides) != 2:
        raise UserError(
            f"`diff` compares two things, and got {len(sides)}",
            help="specformer diff transformer-base transformer-big",
        )
    before, after = for_each(sides, read_side)
    return difference(before, after)


def git_page(arguments: list[str], form: str) -> "Document":
    """The page that git asks for; raises a UserError if it is not git that asks."""
    from compiler.diff.git import ARGUMENTS, git_document

    if len(arguments) not in ARGUMENTS:
        raise UserError(
            f"git gives its external diff 7 arguments, or 9 or 1, and here are {len(arguments)}",
            help='git config diff.specformer.command "specformer diff --git"',
        )
    if form == "json":
        raise UserError("--git shows pages, and --format json gives data", help="leave one out")
    return git_document(arguments)


def show(page: "Document", form: str) -> None:
    """A page on stdout; with colour on terminals, and where git's pager shows them."""
    from compiler.diff import html, markdown, text

    if form != "text":
        write = {"markdown": markdown.markdown, "html": html.page}[form]
        typer.echo(write(page), nl=False)
        return
    console = Console(force_terminal=True if "GIT_PAGER_IN_USE" in os.environ else None)
    if console.is_terminal:
        console.print(coloured(text.lines(page, console.width)), soft_wrap=True, end="")
    else:
        typer.echo(text.text(page), nl=False)


def coloured(lines: Iterable["Line"]) -> Text:
    whole = Text()
    for line in lines:
        for style, kind, words in line:
            whole.append(words, f"{WORDS[kind]} {STYLES[style]}".strip())
        whole.append("\n")
    return whole
