"""What a translation has to begin with."""

from collections.abc import Sequence

from runtime.data.symbols import BEGIN, END, PADDING, UNKNOWN
from runtime.data.tokenizer import Tokenizer
from runtime.errors import UserError

Prefix = str | Sequence[str]
"""A text, which is cut into tokens, or the tokens themselves."""


def prefix_tokens(prefix: Prefix, tokenizer: Tokenizer, longest: int, place: str) -> list[int]:
    """The numbers of a prefix's tokens; of an empty text, none.

    Raises a UserError that begins with `place` for more than `longest` tokens, and for one that
    the vocabulary does not have, as no translation could begin with it.
    """
    if isinstance(prefix, str):
        tokens, words = tokenizer.encode(prefix), [prefix]
    else:
        tokens, words = [tokenizer.number(each) for each in prefix], list(prefix)
    if not {PADDING, UNKNOWN, BEGIN, END}.isdisjoint(tokens):
        raise UserError(
            f"{place} has a token that the target's vocabulary does not have: {' '.join(words)!r}",
            help="a text is cut into tokens as the training text was; tokens of a list are written "
            "as the vocabulary has them, for example `▁The`",
        )
    if len(tokens) > longest:
        raise UserError(
            f"{place} has {len(tokens):,} tokens, more than the {longest:,} of training",
            help="shorten it",
        )
    return tokens
