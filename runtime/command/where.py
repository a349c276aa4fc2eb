"""`specformer where`: the settings behind a line of code, and the code behind a line of a spec."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from compiler.page.model import Document, Paragraph, Section, Table, columns
from compiler.page.text import GAP, NARROWEST
from compiler.spec.kinds_of_files import SPEC, kind_of
from compiler.spec.library import locate
from compiler.spec.lock import LOCK
from runtime.command.page import print_page, terminal_width
from runtime.command.specs import as_its_author_wrote, read_spec
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.diff.operand import Operand
    from compiler.source_map import Setting
    from compiler.spec.extend import OwnSettings
    from compiler.spec.load import Loaded
    from compiler.spec.spec import Spec
    from compiler.where import CodeFile

CODE, SPECS = ".py", (".yaml", ".yml")
NO_CODE = Paragraph(
    text="No line of code comes from it: it is read when the model is trained or used, or it "
    "holds no setting."
)
NO_SETTING = Paragraph(
    text="No setting is named for this line: it is empty, words about the code, or an import that "
    "the rest of the file needs."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
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
    if spec is not None:
        require_spec(spec)
    found = of_code(at, spec) if at.path.suffix == CODE else of_spec(at, spec)
    if form == "json":
        typer.echo(json.dumps(found, indent=2))
    else:
        print_page(page_of(found, terminal_width() if form == "text" else None), form)


def read_place(text: str) -> FileLine:
    """Return the file and the line that a word means; raises a UserError if it means none."""
    found = re.fullmatch(r"(.+?):(\d{1,9})(:\d+)?", text)
    if not found:
        raise UserError(
            f"expected FILE:LINE, got {text}", help="specformer where generated/demo/model.py:81"
        )
    path, line = Path(found[1]), int(found[2])
    if path.is_dir():
        raise UserError(f"{path} is a folder", help="name a file in it: model.py:81")
    if not path.is_file() and path.suffix in ("", *SPECS):
        path = locate(path.stem) or path
    if not path.is_file():
        raise UserError(f"there is no file {found[1]}", help="name a file of a package, or a spec")
    require_readable(path)
    if line == 0:
        raise UserError(f"{path} has no line 0", help="lines are counted from 1")
    return FileLine(path=path, line=line)


def require_readable(path: Path) -> None:
    """Refuse a file that is no code and no spec, by the end of its name or else its keys."""
    if path.suffix in (CODE, *SPECS) or ((kind := kind_of(path)) and kind.name == SPEC):
        return
    raise UserError(
        f"{path} is neither a spec nor generated code",
        help="name a line of a spec (.yaml) or of the code of a package (.py)",
    )


def require_spec(reference: str) -> None:
    """Refuse a word behind `--spec` that means no spec, package or run."""
    from compiler.diff.operand import find_spec
    from compiler.source.diagnostic import Rejected

    try:
        find_spec(reference)
    except Rejected as rejected:
        first = rejected.diagnostics[0]
        raise UserError(f"--spec: {first.message}", help=first.help) from rejected


def of_code(at: FileLine, spec: str | None) -> dict[str, Any]:
    """Return the settings behind a line of a package's code."""
    from compiler.diff.operand import read_operand
    from compiler.where import linked_code

    folder = at.path.parent
    if not (folder / LOCK).is_file():
        raise UserError(
            f"{at.path} lies in no package: there is no {LOCK} beside it",
            help="specformer compile SPEC writes one",
        )
    operand = read_operand(str(folder))
    found = linked_code(operand, as_written(operand, spec))
    file = next((each for each in found.files if each.name == at.path.name), None)
    if file is None:
        raise UserError(f"{at.path} is no file that specformer writes")
    require_line(at, len(file.lines))
    edited = at.line - 1 in file.edited
    return {
        **described(at, file.lines[at.line - 1]),
        "edited": operand.otherwise if edited else None,
        "settings": setting_rows(file.settings[at.line - 1], found.spec),
    }


def setting_rows(settings: "tuple[Setting, ...]", spec: "Spec") -> list[dict[str, str]]:
    """Return settings, each with its value and all places that give it this value."""
    from compiler.where import place_of, value_of

    places: dict[tuple[str, str], list[str]] = {}
    for each in settings:
        places.setdefault((each.name, value_of(each, spec)), []).append(place_of(each))
    return [
        {"setting": name, "value": value, "where": joined_places(found)}
        for (name, value), found in places.items()
    ]


def joined_places(places: list[str]) -> str:
    """Return places as one text, in which the name of a file is said once: `demo.yaml:3:5, 7:5`."""
    files: dict[str, list[str]] = {}
    for each in places:
        found = re.fullmatch(r"(\S+):(\d+:\d+)", each)
        own = files.setdefault(found[1] if found else each, [])
        own += [found[2]] if found and found[2] not in own else []
    return ", ".join(f"{name}:{', '.join(own)}" if own else name for name, own in files.items())


def as_written(operand: "Operand", spec: str | None) -> "Loaded | None":
    """Return the spec of a package in its author's words, if it is found: a lock has no more.

    Raises a UserError for a `spec` that is another one, and `Rejected` for one with mistakes.
    """
    own = operand.package.spec
    if spec is None:
        return as_its_author_wrote(own)
    found, _ = read_spec(spec)
    if found.spec != own:
        raise UserError(
            f"{spec} is not the spec of this package",
            help="leave --spec out: the package's own lock has all settings",
        )
    return found


def of_spec(at: FileLine, spec: str | None) -> dict[str, Any]:
    """Return the code behind a line of a spec, or of one that `spec` extends."""
    from compiler.diff.operand import read_operand
    from compiler.where import linked_code

    reference = spec or str(at.path.parent if at.path.name == LOCK else at.path)
    operand = read_operand(reference)
    *children, file = lineage_down_to(at, reference)
    lines = file.text.splitlines()
    require_line(at, len(lines))
    return {
        **described(at, lines[at.line - 1]),
        "edited": None,
        "code": [row(*each) for each in linked_code(operand).code_of(file.name, at.line)],
        "overridden": overridden_rows(operand, children, file, at.line),
    }


def lineage_down_to(at: FileLine, reference: str) -> "list[OwnSettings]":
    """Return a spec and those that it extends, the last of which is the file of a line."""
    from compiler.diff.operand import find_spec
    from compiler.spec.extend import lineage

    specs = list(lineage(find_spec(reference)[0]))
    files = [Path(each.name).resolve() for each in specs]
    if at.path.resolve() not in files:
        raise UserError(f"{reference} does not extend {at.path}", help="give the spec that does")
    return specs[: files.index(at.path.resolve()) + 1]


def overridden_rows(
    operand: "Operand", children: "list[OwnSettings]", file: "OwnSettings", line: int
) -> list[dict[str, Any]]:
    """Return the settings on a line of a spec that its children override, and where they do.

    A section is not overridden as a `whole`: a child may change some of its settings.
    """
    from compiler.spec.overridden import overridden
    from compiler.where import shown_span

    dropped = frozenset(each.path for each in operand.package.loaded.dropped)
    return [
        {"setting": each.name, "where": shown_span(each.span), "whole": not each.is_section}
        for each in overridden(file.tree, line, [each.tree for each in children], dropped)
    ]


def require_line(at: FileLine, lines: int) -> None:
    """Refuse a line number that the file does not have."""
    if at.line > lines:
        raise UserError(
            f"{at.path} has {lines} lines, and line {at.line} is asked for",
            help=f"name a line from 1 to {lines}",
        )


def described(at: FileLine, text: str) -> dict[str, Any]:
    from compiler.where import short

    return {"file": short(str(at.path)), "line": at.line, "text": text.strip()}


def row(file: "CodeFile", lines: range) -> dict[str, Any]:
    """Return a run of lines of code that come from one line of a spec.

    `more` is the number of lines of code behind the first, whose text is there.
    """
    first, *rest = [file.lines[each].strip() for each in lines if file.lines[each].strip()]
    own = {"first": lines.start + 1, "last": lines.stop}
    return {"file": file.name, **own, "text": first, "more": len(rest)}


def page_of(found: dict[str, Any], width: int | None) -> Document:
    """Return the page of what was found; lines of code are cut where a terminal is too narrow."""
    head = Paragraph(text=f"{found['file']}:{found['line']}: {found['text']}")
    return Document(sections=(Section(parts=(head, *_parts(found, width))),))


def _parts(found: dict[str, Any], width: int | None) -> tuple[Paragraph | Table, ...]:
    if found["edited"]:
        return (Paragraph(text=f"No setting explains this line: {found['edited']}."),)
    if "code" not in found:
        return (_settings(found["settings"]) if found["settings"] else NO_SETTING,)
    code = (_code(found["code"], width),) if found["code"] else ()
    overridden = tuple(map(_overridden, found["overridden"]))
    return (*code, *overridden) or (NO_CODE,)


def _settings(settings: list[dict[str, str]]) -> Table:
    rows = tuple((each["setting"], each["value"], each["where"]) for each in settings)
    return Table(columns=columns(("setting", "value", "where")), rows=rows, records=True)


def _overridden(each: dict[str, Any]) -> Paragraph:
    name, place = each["setting"], each["where"]
    if each["whole"]:
        return Paragraph(text=f"{name} is overridden at {place}.")
    return Paragraph(text=f"Settings of {name} are also set at {place}.")


def _code(code: list[dict[str, Any]], width: int | None) -> Table:
    places = [(each["file"], _range(each)) for each in code]
    heads = ("file", "lines", "code")
    taken = sum(max(map(len, own)) + len(GAP) for own in zip(heads[:2], *places, strict=True))
    room = max(NARROWEST, width - taken) if width else None
    cells = [shortened(each["text"], each["more"], room) for each in code]
    rows = tuple((*place, cell) for place, cell in zip(places, cells, strict=True))
    return Table(columns=columns(heads), rows=rows)


def shortened(text: str, more: int, room: int | None) -> str:
    """Return a line of code and how many more there are; its end is cut where it has no room."""
    rest = f" (+{more} line{'s' * (more > 1)})" if more else ""
    if room is None or len(text) + len(rest) <= room:
        return text + rest
    return f"{text[: max(1, room - len(rest) - 1)].rstrip()}…{rest}"


def _range(each: dict[str, Any]) -> str:
    first, last = each["first"], each["last"]
    return str(first) if first == last else f"{first}-{last}"
