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

from compiler.mask.mask import ALL, CAUSAL, Mask, TooManyTerms, condition, first, union, window
from compiler.source.limits import MASK_DEPTH, MASK_NUMBER, MASK_PAIRS, MASK_ROUNDS, MASK_TOKENS

NUMBERED = ("window", "block", "dilated", "strided", "first", "last")
NAMES = ("all", "causal", *NUMBERED)
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>\d+)|(?P<sign>[&|~(),=])|(?P<end>$))", re.ASCII
)


class MaskError(Exception):
    """A text that is no mask; `start` and `width` say where, in characters."""

    def __init__(self, message: str, start: int = 0, width: int = 1) -> None:
        super().__init__(message)
        self.start, self.width = start, width


def parse(text: str) -> Mask:
    """The mask in normal form. Raises MaskError."""
    found = _outcome(text)
    if isinstance(found, MaskError):
        raise found
    return found


@cache
def _outcome(text: str) -> Mask | MaskError:
    """The mask, or what is wrong with its text."""
    try:
        mask = _read(text)
    except TooManyTerms:
        return MaskError("this mask has too many alternatives", 0, len(text))
    except MaskError as error:
        return error
    try:
        return _stable(mask)
    except (MaskError, TooManyTerms):
        return MaskError("this mask has a normal form of too many alternatives", 0, len(text))


def _stable(mask: Mask) -> Mask:
    """The normal form whose text parses to itself, so that a lock means what its spec means.

    Raises MaskError and TooManyTerms.
    """
    seen = [mask]
    for _ in range(MASK_ROUNDS):
        again = _read(seen[-1].text)
        if again in seen:
            return min(seen[seen.index(again) :], key=lambda each: each.text)
        seen.append(again)
    raise MaskError("no normal form of this mask parses to itself")


def _read(text: str) -> Mask:
    """Parses the mask and simplifies it by consensus. Raises MaskError and TooManyTerms."""
    parser = _Parser(list(_tokens(text)))
    mask = parser.mask()
    parser.expect("the end, `&` or `|`", "")
    return mask.canonical()


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
        if len(tokens) > MASK_TOKENS:
            what = f"this mask is too long: it has more than {MASK_TOKENS:,} words and signs"
            raise MaskError(what, tokens[MASK_TOKENS].start)
        self.tokens, self.place = tokens, 0
        self.depth, self.pairs = 0, 0

    def mask(self) -> Mask:
        parts = [self.part()]
        while self.take("|"):
            parts.append(self.part())
        return union(term for part in parts for term in part.terms)

    def part(self) -> Mask:
        mask = self.piece()
        while self.take("&"):
            other = self.piece()
            self.spend(len(mask.terms) * len(other.terms))
            mask = mask & other
        return mask

    def piece(self) -> Mask:
        is_negated = False
        while self.take("~"):
            is_negated = not is_negated
        mask = self.within() if self.take("(") else self.primitive()
        if not is_negated:
            return mask
        self.spend(8 * len(mask.terms) ** 2)
        return ~mask

    def within(self) -> Mask:
        """Parses the expression between parentheses."""
        self.depth += 1
        if self.depth > MASK_DEPTH:
            raise MaskError(
                f"nested deeper than {MASK_DEPTH} parentheses", self.tokens[self.place - 1].start
            )
        mask = self.mask()
        self.depth -= 1
        self.expect("`)`, `&` or `|`", ")")
        return mask

    def spend(self, pairs: int) -> None:
        """Counts the pairs of terms that are combined. Raises TooManyTerms."""
        self.pairs += pairs
        if self.pairs > MASK_PAIRS:
            raise TooManyTerms

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
        is_long = len(token.text) > len(str(MASK_NUMBER))
        is_number = token.text.isdecimal() and not is_long
        if not is_number or not least <= int(token.text) <= MASK_NUMBER:
            wanted = f"expected a whole number from {least} to {MASK_NUMBER:,}"
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
