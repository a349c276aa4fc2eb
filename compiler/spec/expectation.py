"""What a setting may be and what it is, in words: for the messages of `validate.py`."""

import re

from pydantic_core import ErrorDetails

from compiler.source.diagnostic import quoted
from compiler.source.node import Mapping, Node, Scalar, Sequence

_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "text",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "small letters and digits, with hyphens between",
}


def expectation(error: ErrorDetails) -> str:
    """What pydantic would have taken; errors that are our own say it themselves."""
    if words := choices(error):
        *others, last = (f"`{word}`" for word in words)
        return f"{', '.join(others)} or {last}" if others else last
    numbers = {key: _number(value) for key, value in error.get("ctx", {}).items()}
    return _EXPECTED.get(error["type"], error["msg"]).format_map(numbers)


def choices(error: ErrorDetails) -> list[str]:
    """The words that a setting chooses from, if it does."""
    context = error.get("ctx", {})
    return re.findall("'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))


def given(node: Node) -> str:
    """A value in a few words."""
    match node:
        case Mapping():
            return "keys and values"
        case Sequence(items=items):
            return f"a list of {len(items)}" if items else "an empty list"
        case Scalar(value=str(text)):
            return quoted(text) if text else "empty text"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=value):
            return quoted(str(value).lower())


def _number(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
