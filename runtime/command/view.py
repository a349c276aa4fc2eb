"""`specformer view`: a page with a spec, its code, and the lines between them."""

from pathlib import Path
from typing import Annotated

import typer

from runtime.command.options import Force, Settings
from runtime.command.output import PAGE, output_form, write_file
from runtime.command.specs import as_its_author_wrote, read_spec


def view(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A spec, a package, or the folder of a run.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page: page.html.")],
    settings: Settings = None,
    force: Force = False,
) -> None:
    """Write a page: the spec on the left, its code on the right, and what causes what."""
    from compiler.diff.operand import of_package, read_operand
    from compiler.pipeline import compile_loaded
    from compiler.view import view_page
    from compiler.where import linked_code

    output_form(out, PAGE, force=force)
    if settings:
        operand = of_package(compile_loaded(read_spec(spec, settings)[0]), spec)
    else:
        operand = read_operand(spec)
    loaded = as_its_author_wrote(operand.package.spec) if operand.is_locked else None
    page = view_page(linked_code(operand, loaded), operand.package.spec.name, operand.otherwise)
    write_file(out, page, force=force)
