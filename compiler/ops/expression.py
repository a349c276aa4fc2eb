"""Python expressions as values. What a spec says reaches code only as one of these."""

import keyword
import operator as operators
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import get_args

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\[[A-Za-z_]+\])?")


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier, dotted or not, perhaps with a type in brackets."""

    text: str

    def __post_init__(self) -> None:
        for part in self.text.split("."):
            if not _NAME.fullmatch(part) or (keyword.iskeyword(part) and part != "None"):
                raise ValueError(f"{self.text!r} is no name")


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper function that is handed on, not called."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """A number or a truth value."""

    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Str:
    """A name in quotes."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.isidentifier():
            raise ValueError(f"{self.text!r} is no word")


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression that a number is computed by, and the paper that gives it."""

    expression: "Expression"
    source: str


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A number of the spec under the name of its field: `Hyperparameter("d_model", 512)`."""

    name: str
    value: int | float
    formula: Formula | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments, keyword=value)`."""

    function: "Expression"
    arguments: tuple["Expression", ...] = ()
    keywords: tuple[tuple[str, "Expression"], ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """`base.name`."""

    base: "Expression"
    name: str


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    left: "Expression"
    operator: str
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(a, b)`, of two elements or more."""

    elements: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class List:
    """`[a, b]`."""

    elements: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Starred:
    """`*value`, an element of a list."""

    value: "Expression"


@dataclass(frozen=True, slots=True)
class Slice:
    """`first:last` in brackets; either may be left out."""

    first: "Expression | None" = None
    last: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Subscript:
    """`base[a, b]`."""

    base: "Expression"
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`element for variable in iterable`, in brackets if it is to be a list."""

    element: "Expression"
    variable: str
    iterable: "Expression"
    brackets: bool = True


Expression = (
    Name
    | Helper
    | Const
    | Str
    | Hyperparameter
    | Call
    | Attribute
    | Binary
    | Tuple
    | List
    | Starred
    | Slice
    | Subscript
    | Comprehension
)

_KINDS = frozenset(get_args(Expression))
_PRECEDENCE = {"!=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "//": 4, "**": 5}
_TIGHTEST = 6


def render(expression: Expression, name_of: Callable[[Hyperparameter], str]) -> str:
    """The expression as Python text, numbers under the names that `name_of` gives them."""

    def text(part: Expression, outer: int = 0) -> str:
        inner = _precedence(part)
        written = write(part, inner)
        return f"({written})" if inner < outer else written

    def write(part: Expression, inner: int) -> str:
        match part:
            case Name(text=name) | Helper(name=name):
                return name
            case Const(value=value):
                return repr(value)
            case Str(text=word):
                return f'"{word}"'
            case Hyperparameter():
                return name_of(part)
            case Attribute(base=base, name=name):
                return f"{text(base, _TIGHTEST)}.{name}"
            case Call(function=function, arguments=arguments, keywords=keywords):
                named = [f"{key}={text(value)}" for key, value in keywords]
                given = [text(argument) for argument in arguments] + named
                return f"{text(function, _TIGHTEST)}({', '.join(given)})"
            case Binary(left=left, operator="**", right=right):
                operands = text(left, inner + 1), text(right, inner)
                return (" ** " if "(" in "".join(operands) else "**").join(operands)
            case Binary(left=left, operator=operator, right=right):
                return f"{text(left, inner)} {operator} {text(right, inner + 1)}"
            case Tuple(elements=elements):
                return f"({', '.join(text(element) for element in elements)})"
            case List(elements=elements):
                return f"[{', '.join(text(element) for element in elements)}]"
            case Starred(value=Comprehension(brackets=False) as value):
                return f"*({text(value)})"
            case Starred(value=value):
                return f"*{text(value, _TIGHTEST)}"
            case Slice(first=first, last=last):
                return ":".join("" if each is None else text(each) for each in (first, last))
            case Subscript(base=base, items=items):
                return f"{text(base, _TIGHTEST)}[{', '.join(map(text, items))}]"
            case Comprehension(
                element=element, variable=variable, iterable=iterable, brackets=brackets
            ):
                inside = f"{text(element)} for {variable} in {text(iterable)}"
                return f"[{inside}]" if brackets else inside

    return text(expression)


def _precedence(expression: Expression) -> int:
    match expression:
        case Binary(operator=operator):
            return _PRECEDENCE[operator]
        case _:
            return _TIGHTEST


_OPERATORS = {"*": operators.mul, "/": operators.truediv, "**": operators.pow}


def evaluate(expression: Expression) -> float:
    """Return the value of products, quotients and powers of numbers."""
    match expression:
        case Binary(left=left, operator=operator, right=right):
            return float(_OPERATORS[operator](evaluate(left), evaluate(right)))
        case Hyperparameter(value=value) | Const(value=value):
            return value
        case _:
            raise TypeError(f"{expression} is no number")


def product(*factors: Expression) -> Expression:
    """`a * b * c`."""
    return reduce(lambda left, right: Binary(left, "*", right), factors)


def total(*terms: Expression) -> Expression:
    """`a + b + c`."""
    return reduce(lambda left, right: Binary(left, "+", right), terms)


def call(function: str, *arguments: Expression, **keywords: Expression) -> Call:
    """`function(arguments, keyword=value)` for a function known by name."""
    return Call(Name(function), arguments, tuple(keywords.items()))


def method(base: Expression, name: str, *arguments: Expression) -> Call:
    """`base.name(arguments)`."""
    return Call(Attribute(base, name), arguments)


def parts(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and all in it, from the outside to the inside."""
    yield expression
    for field in expression.__slots__:
        value = getattr(expression, field)
        for each in value if isinstance(value, tuple) else (value,):
            # A keyword is a pair of its name and its value.
            inner = each[1] if isinstance(each, tuple) else each
            if type(inner) in _KINDS:
                yield from parts(inner)
