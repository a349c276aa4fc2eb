"""The text of a mask to a mask.

mask    = part {"|" part}
part    = piece {"&" piece}
piece   = "~" piece | "(" mask ")" | "all" | "causal" | NAME "(" numbers ")"
numbers = WHOLE | "left" "=" WHOLE "," "right" "=" WHOLE        the second for `window` alone
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from compiler.mask.mask import ALL, CAUSAL, Mask, TooManyTerms, condition, first, window

NUMBERED = ("window", "block", "dilated", "strided", "first", "last")
NAMES = ("all", "causal", *NUMBERED)
MOST_TOKENS = 200
LARGEST = 2**20
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>\d+)|(?P<sign>[&|~(),=])|(?P<end>$))")


class MaskError(Exception):
    """A text that is no mask; `start` and `width` say where, in characters."""

    def __init__(self, message: str, start: int = 0, width: int = 1) -> None:
        super().__init__(message)
        self.start, self.width = start, width


@cache
def parse(text: str) -> Mask:
    """The mask in normal form. Raises MaskError."""
    try:
        parser = _Parser(list(_tokens(text)))
        mask = parser.mask()
        parser.expect("the end, `&` or `|`", "")
    except TooManyTerms:
        raise MaskError("this mask has too many alternatives", 0, len(text)) from None
    return mask


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        found = _TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise MaskError("expected a mask", start)
        assert found.lastgroup is not None
        yield _Token(found[found.lastgroup], found.start(found.lastgroup))
        if found.lastgroup == "end":
            return
        place = found.end()


class _Parser:
    """Recursive descent; the last token is the empty one of the end."""

    def __init__(self, tokens: list[_Token]) -> None:
        if len(tokens) > MOST_TOKENS:
            raise MaskError("this mask is too long", tokens[MOST_TOKENS].start)
        self.tokens, self.place = tokens, 0

    def mask(self) -> Mask:
        mask = self.part()
        while self.take("|"):
            mask = mask | self.part()
        return mask

    def part(self) -> Mask:
        mask = self.piece()
        while self.take("&"):
            mask = mask & self.piece()
        return mask

    def piece(self) -> Mask:
        if self.take("~"):
            return ~self.piece()
        if self.take("("):
            mask = self.mask()
            self.expect("`)`, `&` or `|`", ")")
            return mask
        return self.primitive()

    def primitive(self) -> Mask:
        token = self.next()
        if token.text not in NAMES:
            raise MaskError(_expected_name(token.text), token.start, max(1, len(token.text)))
        if token.text in NUMBERED:
            self.expect(f"`(` and a number after `{token.text}`", "(")
        match token.text:
            case "all":
                return ALL
            case "causal":
                return CAUSAL
            case "window":
                return window(*self.sides())
            case "first":
                return first(self.number(1))
            case "block" | "dilated" | "strided" | "last" as kind:
                return condition(kind, self.number(1))
        raise AssertionError(token.text)

    def sides(self) -> tuple[int, int]:
        if self.peek().text != "left":
            both = self.number(0)
            return both, both
        left = self.named("left", ",")
        return left, self.named("right", ")")

    def named(self, name: str, then: str) -> int:
        self.expect(f"`{name}=` and a number", name)
        self.expect(f"`=` after `{name}`", "=")
        return self.number(0, then)

    def number(self, least: int, then: str = ")") -> int:
        token = self.next()
        if not token.text.isdecimal() or not least <= int(token.text) <= LARGEST:
            wanted = f"expected a whole number from {least} to {LARGEST:,}"
            raise MaskError(wanted, token.start, max(1, len(token.text)))
        self.expect(f"`{then}`", then)
        return int(token.text)

    def peek(self) -> _Token:
        return self.tokens[self.place]

    def next(self) -> _Token:
        token = self.peek()
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def take(self, text: str) -> bool:
        taken = self.peek().text == text
        if taken:
            self.next()
        return taken

    def expect(self, what: str, text: str) -> None:
        token = self.next()
        if token.text != text:
            raise MaskError(f"expected {what}", token.start, max(1, len(token.text)))


def _expected_name(text: str) -> str:
    words = ", ".join(f"`{name}`" for name in NAMES)
    close = get_close_matches(text, NAMES, n=1)
    return f"expected one of {words}" + (f"; did you mean `{close[0]}`?" if close else "")
