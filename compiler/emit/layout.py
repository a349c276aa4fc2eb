"""Layout: generated code is broken into lines as ruff would, so that no formatter has to run."""

import re
import textwrap
from collections.abc import Callable

from compiler.ir.verify import CompilerBug
from compiler.ops.expression import (
    Binary,
    Call,
    Comprehension,
    Expression,
    Hyperparameter,
    List,
    Starred,
    Tuple,
    render,
)

WIDTH = 100
STEP = 4
NameOf = Callable[[Hyperparameter], str]


def lay(
    prefix: str, expression: Expression, name_of: NameOf, depth: int, end: str = ""
) -> list[str]:
    """`prefix` and the expression: on one line, or with its arguments or elements below.

    The last line has room for an `end`.
    """
    indent = " " * (STEP * depth)
    line = indent + prefix + render(expression, name_of)
    if len(line + end) <= WIDTH:
        return [line]
    if isinstance(expression, Tuple | List):
        opening, closing = "()" if isinstance(expression, Tuple) else "[]"
        laid = [lay("", each, name_of, depth + 1) for each in expression.elements]
        inner = [line for each in laid for line in (*each[:-1], f"{each[-1]},")]
        return [f"{indent}{prefix}{opening}", *inner, f"{indent}{closing}"]
    if isinstance(expression, Starred) and isinstance(expression.value, Comprehension):
        return _each(f"{indent}{prefix}*(", expression.value, ")", name_of, depth)
    if isinstance(expression, Comprehension):
        return _each(f"{indent}{prefix}[", expression, "]", name_of, depth)
    if isinstance(expression, Binary) and isinstance(expression.right, Call):
        left = f"{render(expression.left, name_of)} {expression.operator} "
        return lay(prefix + left, expression.right, name_of, depth)
    if not isinstance(expression, Call):
        raise CompilerBug(f"compiler bug in layout, please report: {line}")
    if len(expression.arguments) == 1 and isinstance(expression.arguments[0], Comprehension):
        head = f"{indent}{prefix}{render(expression.function, name_of)}("
        return _each(head, expression.arguments[0], ")", name_of, depth)
    return _call(f"{indent}{prefix}", expression, name_of, depth)


def lay_results(results: list[Expression], name_of: NameOf, depth: int) -> list[str]:
    """`return a, b`, on one line or with the arguments of a call that comes first below it."""
    first, *others = results
    if not others:
        return lay("return ", first, name_of, depth)
    head = f"{' ' * (STEP * depth)}return "
    line = head + ", ".join(render(each, name_of) for each in results)
    if len(line) <= WIDTH or not isinstance(first, Call):
        return [line]
    *lines, last = _call(head, first, name_of, depth)
    return [*lines, ", ".join([last, *(render(each, name_of) for each in others)])]


def lay_loop(variables: str, over: Expression, name_of: NameOf, depth: int) -> list[str]:
    """`for variables in over:`, on one line or with the arguments of a call below it."""
    head = f"{' ' * (STEP * depth)}for {variables} in "
    line = f"{head}{render(over, name_of)}:"
    if len(line) <= WIDTH or not isinstance(over, Call):
        return [line]
    *lines, last = _call(head, over, name_of, depth)
    return [*lines, f"{last}:"]


def _call(head: str, call: Call, name_of: NameOf, depth: int) -> list[str]:
    """Arguments below the opening bracket, together if they fit, otherwise each by itself."""
    arguments = [("", argument) for argument in call.arguments]
    arguments += [(f"{key}=", value) for key, value in call.keywords]
    items = [prefix + render(argument, name_of) for prefix, argument in arguments]
    opening = head + render(call.function, name_of)
    inner, outer = " " * (STEP * (depth + 1)), " " * (STEP * depth)
    fits = len(inner + ", ".join(items)) <= WIDTH
    if fits or max(map(len, items)) + len(inner) < WIDTH:
        return bracket(opening, items, ")")
    laid = [_argument(prefix, argument, name_of, depth + 1) for prefix, argument in arguments]
    lines = [line for each in laid for line in (*each[:-1], f"{each[-1]},")]
    return [f"{opening}(", *lines, f"{outer})"]


def _argument(prefix: str, argument: Expression, name_of: NameOf, depth: int) -> list[str]:
    """An argument on lines of its own; a sum that is too long is broken at its sign."""
    whole = " " * (STEP * depth) + prefix + render(argument, name_of)
    if len(whole) < WIDTH or not isinstance(argument, Binary):
        return lay(prefix, argument, name_of, depth, end=",")
    left = lay(prefix, argument.left, name_of, depth)
    return [*left, *lay(f"{argument.operator} ", argument.right, name_of, depth, end=",")]


def _each(head: str, each: Comprehension, end: str, name_of: NameOf, depth: int) -> list[str]:
    """A comprehension below its opening bracket: on one line, or its `for` on the next."""
    outer, inner = " " * (STEP * depth), " " * (STEP * (depth + 1))
    element = lay("", each.element, name_of, depth + 1)
    clause = f"for {each.variable} in {render(each.iterable, name_of)}"
    together = f"{element[0]} {clause}"
    fits = len(element) == 1 and len(together) <= WIDTH
    return [head, *([together] if fits else [*element, inner + clause]), outer + end]


def bracket(head: str, items: list[str], end: str) -> list[str]:
    """`head(`, the items on one line or one a line, `end`."""
    outer = head[: len(head) - len(head.lstrip())]
    inner = outer + " " * STEP
    line = inner + ", ".join(items)
    inside = [line] if len(line) <= WIDTH else [f"{inner}{item}," for item in items]
    return [f"{head}(", *inside, f"{outer}{end}"]


def signature(name: str, parameters: list[str], result: str, depth: int) -> list[str]:
    """The line or lines of a `def`."""
    indent = " " * (STEP * depth)
    line = f"{indent}def {name}({', '.join(parameters)}) -> {result}:"
    if len(line) <= WIDTH:
        return [line]
    return bracket(f"{indent}def {name}", parameters, f") -> {result}:")


def docstring(paragraphs: list[str], depth: int) -> list[str]:
    """One line if it fits, otherwise filled paragraphs."""
    indent = " " * (STEP * depth)
    if len(paragraphs) == 1 and len(indent) + len(paragraphs[0]) + 6 <= WIDTH:
        return [f'{indent}"""{paragraphs[0]}"""']
    first, *rest = paragraphs
    # A lone line too long for its closing quotes would be joined with them by a formatter.
    lines = _fill(first, indent, '"""', WIDTH if rest else WIDTH - len('"""'))
    for paragraph in rest:
        lines += ["", *_fill(paragraph, indent)]
    return [*lines, f'{indent}"""']


def _fill(paragraph: str, indent: str, quotes: str = "", width: int = WIDTH) -> list[str]:
    """Lines of a paragraph; a shape is never broken, nor parted from its name."""
    glued = re.sub(r"(\w+|->) \[[^\]]*\]", lambda shape: shape[0].replace(" ", "\0"), paragraph)
    lines = textwrap.wrap(
        glued,
        width=width,
        initial_indent=indent + quotes,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]
