"""Helpers of generated code by themselves: rendered for some calls, and executed."""

from collections.abc import Iterable, Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any, TypeVar

from compiler.emit.helpers import helpers_of
from compiler.emit.imports import NETWORK, import_lines
from compiler.ops.expression import Attribute, Call, Expression, Name

ASKED: set[str] = set()
"""The helpers that the tests which are loaded render."""
NEVER, SOMETIMES, ALWAYS = "never", "sometimes", "always"
Test = TypeVar("Test")


def renders(*names: str) -> Any:
    """Marks a test as one of these helpers."""
    ASKED.update(names)

    def unchanged(test: Test) -> Test:
        return test

    return unchanged


def called(name: str, *arguments: str, **keywords: str) -> Call:
    """Returns the call of a helper with arguments that are names."""
    given = tuple((key, Name(value)) for key, value in keywords.items())
    return Call(Name(name), tuple(map(Name, arguments)), given)


def rendered(*calls: Expression | str, uses: Iterable[str] = ()) -> SimpleNamespace:
    """Returns the helpers as a file has them that calls them so; a name alone is given nothing.

    `uses` are attributes that the file asks of their results.
    """
    whole = [called(each) if isinstance(each, str) else each for each in calls]
    asked = [Attribute(Name("it"), each) for each in uses]
    helpers = helpers_of([*whole, *asked])
    head = import_lines(NETWORK | helpers.imports)
    code = "\n\n\n".join([head, "PADDING = 0", *helpers.texts.values()])
    names: dict[str, Any] = {"__name__": "helpers"}
    exec(compile(code, "helpers", "exec"), names)
    return SimpleNamespace(**names, _names=names)


def replaced(helpers: SimpleNamespace, **functions: Any) -> None:
    """Puts other functions in the place of helpers that the others call."""
    helpers._names.update(functions)


def states(*names: str) -> Iterator[dict[str, str]]:
    """Yields each way in which a file gives parameters: never, sometimes or always."""
    for each in product((NEVER, SOMETIMES, ALWAYS), repeat=len(names)):
        yield dict(zip(names, each, strict=True))


def sites(given: dict[str, str]) -> list[set[str]]:
    """Returns the parameters that two calls give, so that a file gives each of them as told."""
    most = {name for name, state in given.items() if state != NEVER}
    least = {name for name, state in given.items() if state == ALWAYS}
    return [most] if most == least else [most, least]
