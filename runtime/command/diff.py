"""`specformer diff`: what one spec, package or run changes against another."""

import os
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from compiler.spec.lock import LOCK
from compiler.spec.package_files import explained, foreign_files
from runtime.errors import UserError
from runtime.system.terminal import Console, plain

if TYPE_CHECKING:
    from compiler.diff.document import Document
    from compiler.diff.operand import Operand
    from compiler.diff.text import Line
    from runtime.behaviour.difference import BehaviourDifference

STYLES = {
    "title": "bold",
    "heading": "bold",
    "column": "dim",
    "plain": "",
    "file": "bold",
    "head": "cyan",
    "cause": "bold magenta",
    "added": "on #12361f",
    "removed": "on #4a1a1d",
}
WORDS = {
    "": "",
    "comment": "dim",
    "string": "yellow",
    "number": "cyan",
    "keyword": "magenta",
    "name": "blue",
}


def diff(
    things: Annotated[
        list[str],
        typer.Argument(metavar="A B", help="Specs, packages, runs, or REV:path in git."),
    ],
    form: Annotated[Literal["text", "markdown", "json", "html"], typer.Option("--format")] = "text",
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="Compare what both compute of the same, too.")
    ] = False,
    git: Annotated[
        bool, typer.Option("--git", help="Take the arguments of git's external diff; exit 0.")
    ] = False,
) -> None:
    """Show what B changes against A: in meaning, code, cost and checkpoints. Exit 1 if anything."""
    if git:
        refuse_in_git_mode(form, behaviour)
        show_page(git_page(things), form)
        return
    sides = read_operands(things)
    raise typer.Exit(show_difference(sides, behaviours(*sides) if behaviour else None, form))


def show_difference(
    sides: tuple["Operand", "Operand"], computed: "BehaviourDifference | None", form: str
) -> int:
    """Prints what differs -> the exit code."""
    from compiler.diff.difference import difference, document
    from compiler.diff.json import as_json

    found = difference(*sides)
    if form == "json":
        more = {"behaviour": asdict(computed)} if computed else {}
        typer.echo(as_json(found, more), nl=False)
    else:
        show_page(with_behaviour(document(found), computed), form)
    return 0 if found.is_equal and (computed is None or computed.is_equal) else 1


def read_operands(things: list[str]) -> tuple["Operand", "Operand"]:
    """What is compared; raises a UserError unless there are two."""
    from compiler.diff.operand import read_operand
    from compiler.source.diagnostic import for_each

    if len(things) != 2:
        raise UserError(
            f"`diff` compares two things, and got {len(things)}",
            help="specformer diff transformer-base transformer-big",
        )
    for thing in things:
        refuse_foreign(thing)
    before, after = for_each(things, read_operand)
    return before, after


def refuse_foreign(thing: str) -> None:
    """Raises a UserError for foreign files in a package: Python might import them instead."""
    for folder in (Path(thing), Path(thing) / "package"):
        if (folder / LOCK).is_file() and (foreign := foreign_files(folder)):
            message, help = explained(folder, foreign)
            raise UserError(message, help=help)


def behaviours(*sides: "Operand") -> "BehaviourDifference":
    """What the code that is there computes, be it edited."""
    from runtime.behaviour.difference import behaviour_difference
    from runtime.package import load_package

    with TemporaryDirectory() as folder:
        packages = []
        for number, side in enumerate(sides):
            place = Path(folder) / str(number)
            replace(side.package, files=side.package.files | side.files).write(place)
            packages.append(load_package(place))
        return behaviour_difference(packages[0], packages[1])


def with_behaviour(page: "Document", computed: "BehaviourDifference | None") -> "Document":
    """The page with one section more, before that of the code."""
    if computed is None:
        return page
    from runtime.command.behaviour import behaviour_section

    above, code = page.sections[:3], page.sections[3:]
    return replace(page, sections=(*above, behaviour_section(computed), *code))


def refuse_in_git_mode(form: str, behaviour: bool) -> None:
    """Raises a UserError for what has no meaning there."""
    if form == "json" or behaviour:
        refused = "--behaviour" if behaviour else "--format json"
        raise UserError(f"--git and {refused} do not go together", help="leave one of them out")


def git_page(arguments: list[str]) -> "Document":
    """The page that git asks for; raises a UserError if it is not git that asks."""
    from compiler.diff.git import ARGUMENTS, git_document

    if len(arguments) not in ARGUMENTS:
        raise UserError(
            f"git gives its external diff 7 arguments, or 9 or 1, and here are {len(arguments)}",
            help='git config diff.specformer.command "specformer diff --git"',
        )
    return git_document(arguments)


def show_page(page: "Document", form: str) -> None:
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
            whole.append(plain(words), f"{WORDS[kind]} {STYLES[style]}".strip())
        whole.append("\n")
    return whole
