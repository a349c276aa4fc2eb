"""The files of exported folders that are filled from the templates of their exporters."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(exporter: str) -> "Environment":
    """Return the environment of an exporter's templates; a name without a value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(f"runtime.export.{exporter}", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def fill(exporter: str, template: str, **values: object) -> str:
    """Return the text of a template, ending with one line end."""
    return environment(exporter).get_template(template).render(values).rstrip("\n") + "\n"
