"""`specformer view`: a page with a spec, its code, and the lines between them."""

from pathlib import Path
from typing import Annotated

import typer

from runtime.command.options import Force, Settings
from runtime.command.output import PAGE, output_form, write_file
from runtime.errors import UserError


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
    from compiler.pipeline import compile_spec
    from compiler.view import view_page
    from compiler.where import links
    from runtime.command.where import as_written

    output_form(out, PAGE, force=force)
    if settings and not _is_spec(spec):
        raise UserError(
            f"{spec} is compiled already: --set changes no code of it", help="leave --set out"
        )
    operand = of_package(compile_spec(spec, settings), spec) if settings else read_operand(spec)
    loaded = as_written(operand, None) if operand.is_locked else None
    page = view_page(links(operand, loaded), operand.package.spec.name, operand.otherwise)
    write_file(out, page, force=force)


def _is_spec(reference: str) -> bool:
    from compiler.spec.library import locate

    return locate(reference) is not None
