"""The jinja2 environment: templates hold layout, decisions are made before them."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """Templates beside this file; a name without a value is an error."""
    # `check` and `explain` write no code: they start faster without the template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("compiler.emit", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )


def fill(template: str, **values: object) -> str:
    """The text of a template, ending with one line end."""
    return environment().get_template(template).render(values).rstrip("\n") + "\n"
