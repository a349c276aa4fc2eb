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
from dataclasses import replace
from typing import cast

from compiler.source.diagnostic import Rejected, did_you_mean, mistake, quoted
from compiler.source.parser import Parser, Token
from compiler.source.span import Span
from compiler.weights.expression import (
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
from compiler.weights.names import BadPlaceholder, Binding, filled

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
    parser = _Parser(text, span, binding)
    expression = parser.expression()
    parser.expect("", "the end or one of `+ - * / .T [`")
    return expression


def wrong(span: Span, message: str, help: str = "") -> Rejected:
    """Return the mistake of an expression, or of the name of a parameter, that makes no sense."""
    return Rejected([mistake(span, "bad-expression", message, help)])


class _Parser(Parser):
    """Parses an expression in which names have placeholders."""

    def __init__(self, text: str, span: Span, binding: Binding) -> None:
        self.span = span
        super().__init__(_TOKEN, text, "no expression has this sign")
        self.tokens = [self.filled(each, binding) for each in self.tokens]
        if len(self.tokens) > MOST_TOKENS:
            raise self.error(self.tokens[MOST_TOKENS], "this expression is too long")

    def at(self, token: Token) -> Span:
        """Return the place of a token in its file."""
        return replace(self.span, column=self.span.column + token.start, width=token.width)

    def error(self, token: Token, message: str, help: str = "") -> Rejected:
        return wrong(self.at(token), message, help)

    def filled(self, token: Token, binding: Binding) -> Token:
        """Return a token with its placeholders filled."""
        try:
            return replace(token, text=filled(token.text, binding))
        except BadPlaceholder as problem:
            help = "a placeholder stands for what the name before the colon has in its place"
            raise self.error(token, str(problem), help) from None

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

    def arithmetic(self, left: Expression, sign: Token, right: Expression) -> Expression:
        operator = cast(Operator, sign.text)
        return Arithmetic(left=left, operator=operator, right=right, span=self.at(sign))

    def factor(self) -> Expression:
        base = self.piece()
        while sign := self.take(".T", "["):
            if sign.text == ".T":
                base = Transposed(base=base, span=self.at(sign))
            else:
                base = Indexed(base=base, parts=self.parts(), span=self.at(sign))
        return base

    def piece(self) -> Expression:
        if self.take("("):
            inside = self.expression()
            self.expect(")", "`)` or a sign of arithmetic")
            return inside
        sign = -1.0 if self.take("-") else 1.0
        token = self.next()
        if token.kind == "number":
            return Number(value=sign * float(token.text), span=self.at(token))
        if token.kind not in ("name", "quoted") or sign < 0:
            raise self.error(token, "expected the name of a tensor, or a number")
        if token.kind == "name" and self.take("("):
            return self.called(token)
        return Foreign(name=token.text, span=self.at(token))

    def called(self, token: Token) -> Expression:
        if token.text not in FUNCTIONS:
            known = "there are " + ", ".join(f"`{name}`" for name in FUNCTIONS)
            help = did_you_mean(token.text, FUNCTIONS) or known
            raise self.error(token, f"there is no function {quoted(token.text)}", help)
        base, count = self.expression(), 1
        if token.text in COUNTED:
            self.expect(",", f"`,` and a number: {token.text}(x, 8)")
            count = self.whole(least=1)
        self.expect(")", "`)`")
        function = cast(Function, token.text)
        return Called(function=function, base=base, count=count, span=self.at(token))

    def parts(self) -> tuple[Range | Index, ...]:
        parts = [self.part()]
        while self.take(","):
            parts.append(self.part())
        self.expect("]", "`]`, `,` or `:`")
        return tuple(parts)

    def part(self) -> Range | Index:
        first = self.peek()
        if self.take(":"):
            return Range(start=0, stop=self.stop(), span=self.at(first))
        start = self.whole(least=0)
        if self.take(":"):
            return Range(start=start, stop=self.stop(), span=self.at(first))
        return Index(place=start, span=self.at(first))

    def stop(self) -> int | None:
        return None if self.peek().text in ("]", ",") else self.whole(least=1)

    def whole(self, least: int) -> int:
        token = self.next()
        if not _WHOLE.fullmatch(token.text) or int(token.text) < least:
            raise self.error(token, f"expected a whole number from {least} on")
        return int(token.text)
