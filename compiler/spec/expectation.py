"""Words for the messages of `complaint.py`: what a setting may be, what it is, and mistakes that
show in the text of one key or value (masks, letters, missing colons).
"""

import re
import unicodedata
from dataclasses import replace

from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, mistake, quoted
from compiler.source.node import Mapping, Node, Scalar, Sequence, is_nothing
from compiler.source.span import Span

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
    """Return what pydantic would have taken; errors that are our own say it themselves."""
    if words := choices(error):
        *others, last = (f"`{word}`" for word in words)
        return f"{', '.join(others)} or {last}" if others else last
    if error["type"] == "literal_error":
        return _only(error)
    numbers = {key: _number(value) for key, value in error.get("ctx", {}).items()}
    return _EXPECTED.get(error["type"], error["msg"]).format_map(numbers)


def _only(error: ErrorDetails) -> str:
    """Return the values of a setting that chooses from others than words: `true` of YAML."""
    found = re.split(r", | or ", str(error.get("ctx", {}).get("expected", "")))
    return " or ".join(f"`{each.lower()}`" for each in found)


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


def capacity(place: Span) -> Diagnostic:
    """The diagnostic of `capacity`, which is refused since it would break causality."""
    return mistake(
        place,
        "expert-capacity",
        "an expert with a capacity drops tokens by what other tokens choose, later ones and those "
        "of other sentences too: a decoder would not be causal",
        "remove it: no token is dropped, and `balance_loss` keeps all experts in use",
    )


def bad_mask(node: Node, error: ErrorDetails) -> Diagnostic:
    """The mistake inside the text of a mask, where that stands in the file as it is."""
    span, place = node.span, error.get("ctx", {})
    text = str(node.value) if isinstance(node, Scalar) else ""
    start = span.source.line(span.line).find(text, span.column - 1)
    if start >= 0:
        span = replace(span, column=start + 1 + place["start"], width=place["width"])
    is_cut = text.count("(") > text.count(")")
    help = 'within braces a mask with a comma needs quotes: `mask: "window(left=2, right=1)"`'
    return mistake(span, "bad-mask", f"{error['msg']}", help if is_cut else "")


def run_together(key: str, node: Node, place: Span, known: list[str]) -> tuple[str, str] | None:
    """Key and value where a colon is missing, or the space after it: `{heads:4}`."""
    found = re.match(r"(\w+)(\s*[:=]\s*|\s+|(?=[{\[]))([^\s].*)", key)
    if found is None or found[1] not in known:
        return None
    if is_nothing(node):
        return found[1], found[3]
    return found[1], place.source.line(place.line)[place.column - 1 + found.start(3) :].strip()


def foreign_letter(key: str) -> str:
    """The help that names a letter which looks like a Latin one, such as a Cyrillic one."""
    odd = next((letter for letter in key if not letter.isascii()), None)
    if odd is None:
        return ""
    return f"`{odd}` is U+{ord(odd):04X}, {unicodedata.name(odd, 'without a name').lower()}; "


def missing_key(error: ErrorDetails) -> str:
    """The key that is missing, if that is the mistake."""
    match error["type"]:
        case "missing":
            return str(error["loc"][-1])
        case "union_tag_not_found":
            return "kind"
    return ""


def is_quoted_number(node: Scalar, value: object) -> bool:
    at = node.span
    begins = at.source.line(at.line)[at.column - 1 : at.column]
    return isinstance(value, int | float) and begins in "\"'"
