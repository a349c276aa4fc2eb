"""The text of an expression to an expression.

expression = term {("+" | "-") term}
term       = factor {("*" | "/") factor}
factor     = piece {".T" | "[" part {"," part} "]"}
piece      = ["-"] NUMBER | NAME | "(" expression ")" | FUNCTION "(" expression ["," WHOLE] ")"
part       = WHOLE | [WHOLE] ":" [WHOLE]

A name is letters, digits and `_ . / -`, with placeholders, or anything in double quotes; so a
sign of arithmetic stands between spaces. A placeholder may also stand for a whole number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from compiler.import_map.expression import (
    Arithmetic,
    Called,
    Expression,
    Foreign,
    Function,
    Index,
    Indexed,
    Number,
    Operator,
    Range,
    Transposed,
)
from compiler.import_map.names import BadPlaceholder, Binding, filled
from compiler.source.diagnostic import Rejected, did_you_mean, mistake, quoted
from compiler.source.span import Span

COUNTED = ("split", "pairs_to_halves", "halves_to_pairs")
FUNCTIONS = ("join", *COUNTED)
MOST_TOKENS = 200
_WHOLE = re.compile(r"[0-9]{1,12}")
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w./{-])
    | (?P<transposed>\.T)(?![\w.])
    | "(?P<quoted>[^"]+)"
    | (?P<name>(?![-/.])(?:[\w/-] | \{[a-z]+(?:[+-]\d{1,6})?\} | \.(?!T(?![\w.])))+)
    | (?P<sign>[][(),:+*/-])
    | (?P<end>$))""",
    re.VERBOSE | re.ASCII,
)


def parse(text: str, span: Span, binding: Binding) -> Expression:
    """The expression of a text that begins at `span`, its placeholders filled.

    Raises `Rejected` at the place where it stops making sense.
    """
    parser = _Parser(list(_tokens(text, span, binding)))
    expression = parser.expression()
    parser.expect("", "the end or one of `+ - * / .T [`")
    return expression


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    span: Span


def _tokens(text: str, span: Span, binding: Binding) -> Iterator[_Token]:
    end = 0
    while found := _TOKEN.match(text, end):
        kind = cast(str, found.lastgroup)
        start, end = found.span(kind)
        at = replace(span, column=span.column + start, width=max(1, end - start))
        end = found.end()
        yield _Token(kind=kind, text=_filled(found[kind], binding, at), span=at)
        if kind == "end":
            return
    start = end + len(text[end:]) - len(text[end:].lstrip())
    raise wrong(replace(span, column=span.column + start, width=1), "no expression has this sign")


def _filled(text: str, binding: Binding, span: Span) -> str:
    try:
        return filled(text, binding)
    except BadPlaceholder as problem:
        help = "a placeholder stands for what the name before the colon has in its place"
        raise wrong(span, str(problem), help) from None


def wrong(span: Span, message: str, help: str = "") -> Rejected:
    """An expression, or the name of a parameter, that makes no sense."""
    return Rejected([mistake(span, "bad-expression", message, help)])


class _Parser:
    """Recursive descent; the last token is the empty one of the end."""

    def __init__(self, tokens: list[_Token]) -> None:
        if len(tokens) > MOST_TOKENS:
            raise wrong(tokens[MOST_TOKENS].span, "this expression is too long")
        self.tokens, self.place = tokens, 0

    def expression(self) -> Expression:
        left = self.term()
        while sign := self.take("+", "-"):
            left = self.arithmetic(left, sign, self.term())
        return left

    def term(self) -> Expression:
        left = self.factor()
        while sign := self.take("*", "/"):
            left = self.arithmetic(left, sign, self.factor())
        return left

    def arithmetic(self, left: Expression, sign: _Token, right: Expression) -> Expression:
        operator = cast(Operator, sign.text)
        return Arithmetic(left=left, operator=operator, right=right, span=sign.span)

    def factor(self) -> Expression:
        base = self.piece()
        while sign := self.take(".T", "["):
            if sign.text == ".T":
                base = Transposed(base=base, span=sign.span)
            else:
                base = Indexed(base=base, parts=self.parts(), span=sign.span)
        return base

    def piece(self) -> Expression:
        if self.take("("):
            inside = self.expression()
            self.expect(")", "`)` or a sign of arithmetic")
            return inside
        sign = -1.0 if self.take("-") else 1.0
        token = self.next()
        if token.kind == "number":
            return Number(value=sign * float(token.text), span=token.span)
        if token.kind not in ("name", "quoted") or sign < 0:
            raise wrong(token.span, "expected the name of a tensor, or a number")
        if token.kind == "name" and self.take("("):
            return self.called(token)
        return Foreign(name=token.text, span=token.span)

    def called(self, token: _Token) -> Expression:
        if token.text not in FUNCTIONS:
            known = "there are " + ", ".join(f"`{name}`" for name in FUNCTIONS)
            help = did_you_mean(token.text, FUNCTIONS) or known
            raise wrong(token.span, f"there is no function {quoted(token.text)}", help)
        base, count = self.expression(), 1
        if token.text in COUNTED:
            self.expect(",", f"`,` and a number: {token.text}(x, 8)")
            count = self.whole(least=1)
        self.expect(")", "`)`")
        function = cast(Function, token.text)
        return Called(function=function, base=base, count=count, span=token.span)

    def parts(self) -> tuple[Range | Index, ...]:
        parts = [self.part()]
        while self.take(","):
            parts.append(self.part())
        self.expect("]", "`]`, `,` or `:`")
        return tuple(parts)

    def part(self) -> Range | Index:
        first = self.peek()
        if self.take(":"):
            return Range(start=0, stop=self.stop(), span=first.span)
        start = self.whole(least=0)
        if self.take(":"):
            return Range(start=start, stop=self.stop(), span=first.span)
        return Index(place=start, span=first.span)

    def stop(self) -> int | None:
        return None if self.peek().text in ("]", ",") else self.whole(least=1)

    def whole(self, least: int) -> int:
        token = self.next()
        if not _WHOLE.fullmatch(token.text) or int(token.text) < least:
            raise wrong(token.span, f"expected a whole number from {least} on")
        return int(token.text)

    def peek(self) -> _Token:
        return self.tokens[self.place]

    def next(self) -> _Token:
        token = self.peek()
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def take(self, *texts: str) -> _Token | None:
        token = self.peek()
        return self.next() if token.text in texts and token.kind != "quoted" else None

    def expect(self, text: str, what: str) -> None:
        token = self.next()
        if token.text != text:
            raise wrong(token.span, f"expected {what}")
