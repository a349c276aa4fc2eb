"""The files of a folder that are filled from templates, which lie beside this module."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """Return the environment of the templates; a name without a value is an error in one."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("runtime.export.huggingface", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def fill(template: str, **values: object) -> str:
    """Return the text of a template, ending with one line end."""
    return environment().get_template(template).render(values).rstrip("\n") + "\n"
