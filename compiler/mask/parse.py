"""Parses the text of a mask.

mask    = part {"|" part}
part    = piece {"&" piece}
piece   = "~" piece | "(" mask ")" | NAME ["(" numbers ")"]         a name of `primitives.py`
numbers = WHOLE | "left" "=" WHOLE "," "right" "=" WHOLE        the second for `window` alone
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from compiler.mask.mask import Mask, TooManyTerms, union
from compiler.mask.primitives import PRIMITIVES
from compiler.source.limits import MASK_DEPTH, MASK_NUMBER, MASK_PAIRS, MASK_ROUNDS, MASK_TOKENS
from compiler.source.parser import Parser, Token

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>[-+]?\d+(?:\.\d+)?)|(?P<sign>[&|~(),=])|(?P<end>$))",
    re.ASCII,
)


class MaskError(Exception):
    """Raised for a text that is no mask; `start` and `width` say where, in characters."""

    def __init__(self, message: str, start: int = 0, width: int = 1) -> None:
        super().__init__(message)
        self.start, self.width = start, width


def parse(text: str) -> Mask:
    """Return the mask in normal form. Raises MaskError."""
    found = _outcome(text)
    if isinstance(found, MaskError):
        raise found
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A primitive as it was written in the text of a mask, from `start` to before `end`."""

    start: int
    end: int
    mask: Mask


def primitives_of(text: str) -> tuple[Written, ...]:
    """Return the primitives of the text of a mask in their order. Raises MaskError."""
    parse(text)
    parser = _Parser(text)
    parser.mask()
    return tuple(parser.primitives)


@cache
def _outcome(text: str) -> Mask | MaskError:
    """Return the mask, or what is wrong with its text."""
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
    """Return the normal form that parses to itself, so that a lock means what its spec means.

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
    """Parse the mask and simplify it by consensus. Raises MaskError and TooManyTerms."""
    parser = _Parser(text)
    mask = parser.mask()
    parser.expect("", "the end, `&` or `|`")
    return mask.canonical()


class _Parser(Parser):
    """Parses a mask; it is what a primitive reads its arguments from."""

    def __init__(self, text: str) -> None:
        super().__init__(_TOKEN, text, "expected a mask")
        self.depth, self.pairs = 0, 0
        self.primitives = list[Written]()
        if len(self.tokens) > MASK_TOKENS:
            what = f"this mask is too long: it has more than {MASK_TOKENS:,} words and signs"
            raise MaskError(what, self.tokens[MASK_TOKENS].start)

    def error(self, token: Token, message: str) -> MaskError:
        return MaskError(message, token.start, token.width)

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
        """Parse the expression between parentheses."""
        self.depth += 1
        if self.depth > MASK_DEPTH:
            raise MaskError(
                f"nested deeper than {MASK_DEPTH} parentheses", self.tokens[self.place - 1].start
            )
        mask = self.mask()
        self.depth -= 1
        self.expect(")", "`)`, `&` or `|`")
        return mask

    def spend(self, pairs: int) -> None:
        """Count the pairs of terms that are combined. Raises TooManyTerms."""
        self.pairs += pairs
        if self.pairs > MASK_PAIRS:
            raise TooManyTerms

    def primitive(self) -> Mask:
        token = self.next()
        if token.text not in PRIMITIVES:
            raise self.error(token, _expected_name(token.text))
        mask = PRIMITIVES[token.text].read(self)
        last = self.tokens[self.place - 1]
        end = last.start + last.width
        self.primitives.append(Written(start=token.start, end=end, mask=mask))
        return mask

    def number(self, least: int) -> int:
        """Read `(n)`, a whole number from `least` on."""
        self.open()
        return self.whole(least, ")")

    def sides(self) -> tuple[int, int]:
        """Read `(n)` or `(left=n, right=m)`, whole numbers from 0 on."""
        self.open()
        if self.peek().text != "left":
            both = self.whole(0, ")")
            return both, both
        left = self.named("left", ",")
        return left, self.named("right", ")")

    def open(self) -> None:
        name = self.tokens[self.place - 1].text
        self.expect("(", f"`(` and a number after `{name}`")

    def named(self, name: str, then: str) -> int:
        self.expect(name, f"`{name}=` and a number")
        self.expect("=", f"`=` after `{name}`")
        return self.whole(0, then)

    def whole(self, least: int, then: str) -> int:
        token = self.next()
        is_long = len(token.text) > len(str(MASK_NUMBER))
        is_number = token.text.isdecimal() and not is_long
        if not is_number or not least <= int(token.text) <= MASK_NUMBER:
            raise self.error(token, f"expected a whole number from {least} to {MASK_NUMBER:,}")
        self.expect(then, f"`{then}`")
        return int(token.text)


def _expected_name(text: str) -> str:
    words = ", ".join(f"`{name}`" for name in PRIMITIVES)
    close = get_close_matches(text, PRIMITIVES, n=1)
    return f"expected one of {words}" + (f"; did you mean `{close[0]}`?" if close else "")
