"""`specformer where`: the settings behind a line of code, and the code behind a line of a spec."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from compiler.page.model import Document, Paragraph, Section, Table, columns
from compiler.spec.library import locate
from compiler.spec.lock import LOCK
from runtime.command.page import print_page
from runtime.command.specs import as_its_author_wrote
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.diff.operand import Operand
    from compiler.spec.load import Loaded
    from compiler.where import CodeFile

LONGEST = 60
"""Characters of the code of a line that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line, counted from 1, of a file."""

    path: Path
    line: int


def where(
    place: Annotated[
        str,
        typer.Argument(metavar="FILE:LINE", help="A line of a package's code, or of a spec."),
    ],
    spec: Annotated[
        str | None,
        typer.Option("--spec", metavar="SPEC", help="The spec whose code is meant: a child of it."),
    ] = None,
    form: Annotated[Literal["text", "markdown", "json"], typer.Option("--format")] = "text",
) -> None:
    """Show the settings that a line of code comes from, or the code that comes from a setting."""
    at = read_place(place)
    found = of_code(at, spec) if at.path.suffix == ".py" else of_spec(at, spec)
    if form == "json":
        typer.echo(json.dumps(found, indent=2))
    else:
        print_page(page_of(found), form)


def read_place(text: str) -> Place:
    """Return the file and the line that a word means; raises a UserError if it means none."""
    found = re.fullmatch(r"(.+?):([1-9]\d{0,8})(:\d+)?", text)
    if not found:
        raise UserError(
            f"expected FILE:LINE, got {text}", help="specformer where generated/demo/model.py:81"
        )
    path, line = Path(found[1]), int(found[2])
    if path.is_dir():
        raise UserError(f"{path} is a folder", help="name a file in it: model.py:81")
    if not path.is_file() and path.suffix in ("", ".yaml"):
        path = locate(path.stem) or path
    if not path.is_file():
        raise UserError(f"there is no file {found[1]}", help="name a file of a package, or a spec")
    return Place(path=path, line=line)


def of_code(at: Place, spec: str | None) -> dict[str, Any]:
    """Return the settings behind a line of a package's code."""
    from compiler.diff.operand import read_operand
    from compiler.where import links, place_of, value_of

    folder = at.path.parent
    if not (folder / LOCK).is_file():
        raise UserError(
            f"{at.path} lies in no package: there is no {LOCK} beside it",
            help="specformer compile SPEC writes one",
        )
    operand = read_operand(str(folder))
    found = links(operand, as_written(operand, spec))
    file = next((each for each in found.files if each.name == at.path.name), None)
    if file is None:
        raise UserError(f"{at.path} is no file that specformer writes")
    require_line(at, len(file.lines))
    edited = at.line - 1 in file.edited
    return {
        **described(at, file.lines[at.line - 1]),
        "edited": operand.otherwise if edited else None,
        "settings": [
            {"setting": each.name, "value": value_of(each, found.spec), "where": place_of(each)}
            for each in file.settings[at.line - 1]
        ],
    }


def as_written(operand: "Operand", spec: str | None) -> "Loaded | None":
    """Return the spec of a package in its author's words, if it is found: a lock has no more.

    Raises a UserError for a `spec` that is another one, and `Rejected` for what is none.
    """
    from compiler.spec.load import load

    own = operand.package.spec
    if spec is None:
        return as_its_author_wrote(own)
    found = load(spec)
    if found.spec != own:
        raise UserError(
            f"{spec} is not the spec of this package",
            help="leave --spec out: the package's own lock has all settings",
        )
    return found


def of_spec(at: Place, spec: str | None) -> dict[str, Any]:
    """Return the code behind a line of a spec, or of one that `spec` extends."""
    from compiler.diff.operand import read_operand
    from compiler.where import links

    is_lock = at.path.name == LOCK
    operand = read_operand(spec or str(at.path.parent if is_lock else at.path))
    found = links(operand)
    names = {Path(each.name).resolve(): each for each in found.sources}
    source = names.get(at.path.resolve())
    if source is None:
        raise UserError(f"{spec} does not extend {at.path}", help="give the spec that does")
    lines = source.text.splitlines()
    require_line(at, len(lines))
    return {
        **described(at, lines[at.line - 1]),
        "edited": None,
        "code": [row(file, each) for file, each in found.code_of(source.name, at.line)],
    }


def require_line(at: Place, lines: int) -> None:
    """Refuse a line number that the file does not have."""
    if at.line > lines:
        raise UserError(
            f"{at.path} has {lines} lines, and line {at.line} is asked for",
            help=f"name a line from 1 to {lines}",
        )


def described(at: Place, text: str) -> dict[str, Any]:
    from compiler.where import short

    return {"file": short(str(at.path)), "line": at.line, "text": text.strip()}


def row(file: "CodeFile", lines: range) -> dict[str, Any]:
    """Return a run of lines of code that come from one line of a spec."""
    first, last = lines.start + 1, lines.stop
    return {"file": file.name, "first": first, "last": last, "text": file.lines[first - 1].strip()}


def page_of(found: dict[str, Any]) -> Document:
    """Return the page of what was found."""
    head = Paragraph(text=f"{found['file']}:{found['line']}: {found['text']}")
    if found["edited"]:
        reason = Paragraph(text=f"No setting explains this line: {found['edited']}.")
        return Document(sections=(Section(parts=(head, reason)),))
    table = _code(found["code"]) if "code" in found else _settings(found["settings"])
    if not table.rows:
        none = (
            "No line of code comes from it: it is read when the model is trained or used, or it "
            "holds no setting."
            if "code" in found
            else "No setting is named for this line: it is empty, words about the code, or an "
            "import that the rest of the file needs."
        )
        return Document(sections=(Section(parts=(head, Paragraph(text=none))),))
    return Document(sections=(Section(parts=(head, table)),))


def _settings(settings: list[dict[str, Any]]) -> Table:
    rows = tuple((each["setting"], each["value"], each["where"]) for each in settings)
    return Table(columns=columns(("setting", "value", "where")), rows=rows)


def _code(code: list[dict[str, Any]]) -> Table:
    rows = tuple((each["file"], _range(each), shortened(each["text"])) for each in code)
    return Table(columns=columns(("file", "lines", "code")), rows=rows)


def shortened(text: str) -> str:
    """Return the code of a line, its end left out where it is longer than `LONGEST`."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _range(each: dict[str, Any]) -> str:
    first, last = each["first"], each["last"]
    return str(first) if first == last else f"{first}-{last}"
