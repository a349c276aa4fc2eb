"""`specformer diff`: what one spec, package or run changes against another."""

from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.spec.lock import LOCK
from compiler.spec.package_files import explained, foreign_files
from runtime.command.page import print_page
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.diff.operand import Operand
    from compiler.page.model import Document
    from runtime.behaviour.difference import BehaviourDifference


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
        print_page(git_page(things), form)
        return
    sides = read_operands(things)
    raise typer.Exit(show_difference(sides, behaviours(*sides) if behaviour else None, form))


def show_difference(
    sides: tuple["Operand", "Operand"], computed: "BehaviourDifference | None", form: str
) -> int:
    """Print what differs -> the exit code."""
    from compiler.diff.difference import as_json, difference, document

    found = difference(*sides)
    if form == "json":
        more = {"behaviour": asdict(computed)} if computed else {}
        typer.echo(as_json(found, more), nl=False)
    else:
        print_page(with_behaviour(document(found), computed), form)
    return 0 if found.is_equal and (computed is None or computed.is_equal) else 1


def read_operands(things: list[str]) -> tuple["Operand", "Operand"]:
    """Return the two that are compared; raises a UserError unless there are two."""
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
    """Refuse foreign files in a package, which Python might import instead."""
    for folder in (Path(thing), Path(thing) / "package"):
        if (folder / LOCK).is_file() and (foreign := foreign_files(folder)):
            message, help = explained(folder, foreign)
            raise UserError(message, help=help)


def behaviours(*sides: "Operand") -> "BehaviourDifference":
    """Compare what the code that is there computes, be it edited."""
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
    """Return the page with one section more, before that of the code."""
    if computed is None:
        return page
    from runtime.command.behaviour import behaviour_section

    above, code = page.sections[:3], page.sections[3:]
    return replace(page, sections=(*above, behaviour_section(computed), *code))


def refuse_in_git_mode(form: str, behaviour: bool) -> None:
    """Refuse options that have no meaning there."""
    if form == "json" or behaviour:
        refused = "--behaviour" if behaviour else "--format json"
        raise UserError(f"--git and {refused} do not go together", help="leave one of them out")


def git_page(arguments: list[str]) -> "Document":
    """Return the page that git asks for; raises a UserError if it is not git that asks."""
    from compiler.diff.git import ARGUMENTS, git_document

    if len(arguments) not in ARGUMENTS:
        raise UserError(
            f"git gives its external diff 7 arguments, or 9 or 1, and here are {len(arguments)}",
            help='git config diff.specformer.command "specformer diff --git"',
        )
    return git_document(arguments)
