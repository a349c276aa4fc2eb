"""Recursive descent over the tokens of one line, for masks and for expressions of import maps."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, number or sign: `kind` is the group of the pattern that found it."""

    kind: str
    text: str
    start: int
    width: int


class Parser(ABC):
    """Reads the tokens of a text from left to right; the last token is the empty one of the end.

    The pattern matches one token, after spaces, by a named group; the group `end` matches the end.
    """

    def __init__(self, pattern: re.Pattern[str], text: str, unknown: str) -> None:
        self.text = text
        self.tokens = list(self._tokens(pattern, unknown))
        self.place = 0

    @abstractmethod
    def error(self, token: Token, message: str) -> Exception:
        """Return the exception that says what is wrong at a token."""

    def peek(self) -> Token:
        """Return the next token and stay before it."""
        return self.tokens[self.place]

    def next(self) -> Token:
        """Return the next token and go on behind it."""
        token = self.peek()
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def take(self, *texts: str) -> Token | None:
        """Return the next token and go on behind it if it is one of these signs or words."""
        token = self.peek()
        return self.next() if token.text in texts and token.kind != "quoted" else None

    def expect(self, text: str, wanted: str) -> None:
        """Go on behind a sign or word; `wanted` is what the message says is expected here."""
        if not self.take(text):
            raise self.error(self.peek(), f"expected {wanted}")

    def _tokens(self, pattern: re.Pattern[str], unknown: str) -> Iterator[Token]:
        end = 0
        while found := pattern.match(self.text, end):
            kind = found.lastgroup or "end"
            start, stop = found.span(kind)
            end = found.end()
            width = max(1, stop - start)
            yield Token(kind=kind, text=found[kind], start=start, width=width)
            if kind == "end":
                return
        rest = self.text[end:]
        start = end + len(rest) - len(rest.lstrip())
        raise self.error(Token(kind="unknown", text="", start=start, width=1), unknown)
