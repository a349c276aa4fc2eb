"""The jinja2 environment: templates hold layout, decisions are made before them."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """Return the environment of the templates beside this file.

    A name without a value is an error in a template.
    """
    # `check` and `explain` write no code: they start faster without the template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("compiler.emit", "templates"),
        extensions=["jinja2.ext.do"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
        auto_reload=False,
        optimized=False,  # each is filled a few times: folding its constants takes longer
    )


def fill(template: str, **values: object) -> str:
    """Return the text of a template, ending with one line end."""
    return environment().get_template(template).render(values).rstrip("\n") + "\n"


@cache
def helper_names() -> frozenset[str]:
    """Return the functions and classes that a generated file may begin with: one template each."""
    folder = files("compiler.emit") / "templates" / "helpers"
    return frozenset(each.name.removesuffix(".py.jinja") for each in folder.iterdir())
