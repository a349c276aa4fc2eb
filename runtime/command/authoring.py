"""The commands for those who write specs: `list`, `new`, `check`, `show`, `schema`."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from compiler.page.model import Table, columns
from compiler.pipeline import check_spec
from compiler.source.diagnostic import Diagnostic, Rejected, in_order
from compiler.source.report import as_github, as_json
from compiler.spec.library import library, locate, suggestion
from compiler.spec.load import load
from compiler.spec.spec import NAME
from runtime.command.options import Force, Settings, Specs
from runtime.command.output import new_text_file, say_warnings
from runtime.command.page import print_page
from runtime.errors import UserError

FORMATS = {"json": as_json, "github": as_github}


def list_specs() -> None:
    """List the specs of the library."""
    rows = ((name, load(str(path)).spec.summary) for name, path in library().items())
    print_page(Table(columns=columns(("name", "summary")), rows=tuple(rows)))


def check(
    specs: Specs,
    settings: Settings = None,
    form: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="For people, programs, or the checks of a pull request."),
    ] = "text",
) -> None:
    """Check specs: keys, values, what goes together, and that no decoder sees the future."""
    found = [each for spec in specs for each in diagnostics(spec, settings or [])]
    errors = sum(each.severity == "error" for each in found)
    if form != "text":
        if text := FORMATS[form](in_order(found)):
            typer.echo(text)
        raise typer.Exit(2 if errors else 0)
    if errors:
        raise Rejected(found)
    doubts = say_warnings(found)
    right = "1 spec is right" if len(specs) == 1 else f"{len(specs):,} specs are right"
    warned = f", {doubts:,} warning{'s' if doubts > 1 else ''}" if doubts else ""
    typer.echo(f"{right}{warned}")


def diagnostics(spec: str, settings: list[str]) -> tuple[Diagnostic, ...]:
    """All that is wrong with a spec, or doubtful."""
    try:
        return check_spec(spec, settings).warnings
    except Rejected as rejected:
        return rejected.diagnostics


def show(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A file, or a library name.")],
    settings: Settings = None,
) -> None:
    """Show a spec with every default, and where each value comes from."""
    from compiler.emit.show import annotated

    loaded = load(spec, settings or [])
    say_warnings(loaded.warnings)
    typer.echo(annotated(loaded), nl=False)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the spec: NAME.yaml is written.")],
    extends: Annotated[
        str | None, typer.Option("--extends", metavar="SPEC", help="Start from another spec.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a spec to start from, with comments, and the schema that editors read."""
    from compiler.emit.show import SCHEMA_FILE, starter

    if not re.fullmatch(NAME, name):
        raise UserError(
            f"{name!r} is no name for a spec", help="small letters, digits, and hyphens between"
        )
    if extends is not None and locate(extends) is None:
        raise UserError(f"there is no spec {extends}", help=suggestion(extends))
    file = Path(f"{name}.yaml")
    with new_text_file(file, force=force) as opened:
        opened.write(starter(name, extends))
    Path(SCHEMA_FILE).write_text(schema_text() + "\n", encoding="utf-8")
    typer.echo(f"{file}: `specformer check {file}` says whether it is right")
    if extends is None:  # a variant without a difference would only be warned of
        check([str(file)])


def schema() -> None:
    """Print the JSON Schema of specs (draft 2020-12), for editors."""
    typer.echo(schema_text())


def schema_text() -> str:
    from compiler.spec.schema import json_schema

    return json.dumps(json_schema(), indent=2)
