"""`specformer draw`: pictures of networks and of masks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.source.diagnostic import did_you_mean, for_each
from runtime.command.options import Force, Settings
from runtime.command.output import output_form, say_warnings, write_file
from runtime.command.pictures import FORMS, MADE_OF_SVG, check_picture, write_picture
from runtime.command.specs import read_spec
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.draw.drawing import Drawing

Form = Literal["svg", "html", "mermaid"]
SUFFIXES: dict[str, Form] = {
    **{".svg": "svg", ".html": "html", ".htm": "html"},
    **{".mmd": "mermaid", ".mermaid": "mermaid"},
    **dict.fromkeys(MADE_OF_SVG, "svg"),
}
"""The ends of names, each with the form that is drawn; PNG and PDF are made of the SVG."""


def draw(
    spec: Annotated[
        str | None,
        typer.Argument(metavar="[SPEC]", help="A spec, a package, or the folder of a run."),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="SPEC", help="Mark what differs from it.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="NAME", help="Open a sub-layer: decoder.self_attention."),
    ] = None,
    mask: Annotated[
        str | None, typer.Option("--mask", metavar="MASK", help="Draw a mask, without a spec.")
    ] = None,
    receptive_field: Annotated[
        bool, typer.Option("--receptive-field", help="Draw what positions have read, by layers.")
    ] = False,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="By default that of the name of --out, or else svg."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write here: .svg, .html, .mmd, .png, .pdf.  [stdout]"
        ),
    ] = None,
    settings: Settings = None,
    force: Force = False,
) -> None:
    """Draw a network, one of its sub-layers, two specs side by side, or a mask."""
    form = output_form(out, SUFFIXES, form, force=force)
    is_picture = out is not None and out.suffix.lower() in FORMS
    if out is not None and is_picture:
        check_picture(out, force=force)
    _refuse_empty({"--part": part, "--mask": mask})
    given = {"--against": against, "--part": part, "--receptive-field": receptive_field}
    if mask is not None:
        _refuse(mask, spec, settings, given, form)
        text = _mask_picture(mask, form)
    elif receptive_field:
        _refuse_beside_field(given, form)
        text = _field_picture(_drawings(_specs(spec), settings)[0], form)
    else:
        text = _network_picture(_drawings(_specs(spec, against), settings), part or "", form)
    if out is None:
        sys.stdout.write(text)
    elif is_picture:
        write_picture(text, out, force=force)
    else:
        write_file(out, text, force=force)


def _specs(spec: str | None, against: str | None = None) -> list[str]:
    """Return the specs that are drawn; raises a UserError if there is none."""
    if spec is None:
        raise UserError("`draw` needs a spec, or a mask", help="specformer draw transformer-base")
    return [spec] if against is None else [spec, against]


def _drawings(specs: list[str], settings: list[str] | None) -> list["Drawing"]:
    """Return the drawings of specs; the settings change the first of them."""
    from compiler.draw.drawing import read_drawing

    def read(numbered: tuple[int, str]) -> "Drawing":
        number, name = numbered
        changes = list(settings or ()) if not number else []
        loaded, _ = read_spec(name, changes)
        say_warnings(loaded.warnings)
        title = " ".join([loaded.spec.name, *(["with"] if changes else []), ", ".join(changes)])
        return read_drawing(loaded, title.strip())

    return for_each([*enumerate(specs)], read)


def _network_picture(drawings: list["Drawing"], part: str, form: Form) -> str:
    from compiler.draw.drawing import NoSuchPart, picture_of, written

    try:
        return written(picture_of(drawings, part), form)
    except NoSuchPart as error:
        question = did_you_mean(part, error.names)
        help = question or f"it has {', '.join(error.names)}"
        raise UserError(f"{error.title} has no sub-layer {part}", help=help) from error


def _mask_picture(mask: str, form: Form) -> str:
    from compiler.draw.html import as_html
    from compiler.draw.mask_picture import mask_svg
    from compiler.mask.parse import MaskError

    try:
        svg = mask_svg(mask)
    except MaskError as error:
        pointer = " " * error.start + "^" * max(1, error.width)
        raise UserError(
            f"--mask, character {error.start + 1}: {error}\n  {mask}\n  {pointer}",
            help="docs/masks.md lists the primitives, which are combined by &, | and ~",
        ) from error
    return as_html(svg, f"mask {mask}") if form == "html" else svg


def _field_picture(drawing: "Drawing", form: Form) -> str:
    from compiler.draw.html import as_html
    from compiler.draw.mask_picture import receptive_field_svg

    title = drawing.diagram.title
    svg = receptive_field_svg(drawing.model, title)
    return as_html(svg, title) if form == "html" else svg


def _refuse_empty(names: dict[str, str | None]) -> None:
    """Refuse names without a character that is seen, which would mean no name at all."""
    examples = {"--part": "decoder.self_attention", "--mask": '"causal & window(4)"'}
    for option, name in names.items():
        if name is not None and not name.strip():
            raise UserError(f"{option} is empty", help=f"for example {option} {examples[option]}")


def _refuse(
    mask: str,
    spec: str | None,
    settings: list[str] | None,
    given: dict[str, str | bool | None],
    form: Form,
) -> None:
    """Refuse options that have no meaning beside a mask."""
    others = [option for option, value in given.items() if value]
    others += [spec] if spec is not None else []
    others += ["--set"] if settings else []
    if others:
        raise UserError(
            f"--mask draws a mask alone, without {' and '.join(others)}",
            help=f'specformer draw --mask "{mask}"',
        )
    _refuse_mermaid(form)


def _refuse_beside_field(given: dict[str, str | bool | None], form: Form) -> None:
    """Refuse options that have no meaning beside a receptive field."""
    others = [name for name, value in given.items() if value and name != "--receptive-field"]
    if others:
        raise UserError(
            f"--receptive-field draws all layers of one spec, without {' and '.join(others)}",
            help="leave one of them out",
        )
    _refuse_mermaid(form)


def _refuse_mermaid(form: Form) -> None:
    if form == "mermaid":
        raise UserError("Mermaid draws no matrices", help="--format svg, or html")
