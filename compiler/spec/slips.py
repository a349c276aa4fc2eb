"""Mistakes that show in the text of one key or value: masks, letters, missing colons."""

import re
import unicodedata
from dataclasses import replace

from pydantic_core import ErrorDetails

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, Scalar, is_nothing
from compiler.source.span import Span


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
