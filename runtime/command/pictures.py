"""Pictures that commands write: SVG, and PNG and PDF, which cairosvg makes of the SVG."""

from pathlib import Path
from types import ModuleType

from runtime.command.output import output_form, write_file
from runtime.errors import UserError

MADE_OF_SVG = (".pdf", ".png")
"""The ends of the names of pictures that cairosvg makes of an SVG."""
FORMS = {".svg": "svg", **{end: end[1:] for end in MADE_OF_SVG}}
"""The ends of the names of pictures, each with its form."""
FINE = 2
"""Pixels of a PNG for one of the SVG."""
WIDEST = 32_767
"""Pixels a side that Cairo draws at most."""


def check_picture(path: Path, *, force: bool) -> str:
    """Return the form of a file; refuse one, before anything is computed, that would fail.

    Raises a UserError for a name that ends in none of `FORMS`, for a PNG or a PDF without the extra
    `report`, and where `check_output` does.
    """
    form = output_form(path, FORMS, force=force)
    if form != "svg":
        _cairosvg(form)
    return form


def write_picture(svg: str, path: Path, *, force: bool) -> None:
    """Write a picture in the form that the name of its file asks for, and say that it is there.

    Raises a UserError where `check_picture` does, and for a PNG that would be too large.
    """
    match check_picture(path, force=force):
        case "svg":
            content = svg.encode()
        case "pdf":
            content = _cairosvg("pdf").svg2pdf(bytestring=svg.encode())
        case form:
            _refuse_too_large(svg, path)
            content = _cairosvg(form).svg2png(bytestring=svg.encode(), scale=FINE)
    write_file(path, content, force=force)


def _refuse_too_large(svg: str, path: Path) -> None:
    from xml.etree import ElementTree  # few commands write pictures

    attributes = ElementTree.fromstring(svg).attrib
    width, height = (round(FINE * float(attributes[side])) for side in ("width", "height"))
    if max(width, height) > WIDEST:
        raise UserError(
            f"{path} would have {width:,} x {height:,} pixels, and a PNG has at most {WIDEST:,} a "
            "side here",
            help="write a .svg or a .pdf, which have no pixels",
        )


def _cairosvg(form: str) -> ModuleType:
    """Import cairosvg. Raises a UserError where it, or the system's Cairo, is missing."""
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # OSError: the package without the system's Cairo
        raise UserError(
            f"a {form.upper()} needs cairosvg: {error}",
            help="pip install cairosvg, or write a .svg",
        ) from error
    return cairosvg
