"""Words and the tokens that they are made of, for tokenizers that know their tokens by decoding."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache

WORD = "a"
"""Letters and marks are never in one token, so that this tells how a mark after a word is cut."""

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""The mark of a token that begins a word."""

LOOKED_AT = 2000
"""Tokens whose names tell what those of a tokenizer are like."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What a part of a character, or an unknown one, is decoded to."""


class PlainText:
    """A tokenizer whose corpus is plain text."""

    def detokenize(self, line: str) -> str:
        """Return the line as it is."""
        return line


class ContextFree(ABC):
    """A tokenizer that gives a piece of a line the same tokens, whatever stands before it."""

    @abstractmethod
    def encode(self, line: str) -> list[int]:
        """Return the tokens of a line."""

    def encode_rest(self, text: str) -> list[int]:
        return self.encode(text)

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        return [self.encode(line) for line in lines]


def begun(before: Sequence[int], tokens: list[int]) -> list[int]:
    """Return the tokens of a text behind those that every text begins with."""
    return [*before, *tokens] if tokens else tokens


def written_numbers(numbers: Sequence[int]) -> str:
    """Return numbers as the description of a tokenizer has them, which `read_numbers` reads."""
    return " ".join(map(str, numbers))


def read_numbers(text: str) -> list[int]:
    """Return the numbers in a text. Raises a ValueError for other text."""
    return [int(each) for each in text.split()]


def encode_after_word(encode: Callable[[str], list[int]], text: str) -> list[int]:
    """Encode text that no space precedes: a mark begins no new word, letters do."""
    if not text or text[0].isspace() or text[0].isalnum():
        return encode(text)
    word, both = encode(WORD), encode(f"{WORD}{text}")
    return both[len(word) :] if both[: len(word)] == word else encode(text)


def holds_spaces(name: Callable[[int], str], size: int) -> bool:
    """Tell whether there are tokens of a word with the space before it.

    `name` gives the names of the `size` tokens, of which the first are looked at: where there are
    such tokens, the most frequent are among them.
    """
    names = map(name, range(min(size, LOOKED_AT)))
    return any(each.startswith(SPACE) and each != SPACE for each in names)


def begins_words(
    tokens: Sequence[int], decode: Callable[[Sequence[int]], str], symbols: int
) -> list[bool]:
    """Tell for each of these tokens in a row whether it begins a word.

    A symbol is a word, and so is a mark beside letters, from which no space parts it. A token that
    is but a part of a character begins none, unless a space is before it. A token of nothing but
    a space belongs to the word that follows.
    """
    begins: list[bool] = []
    before, last = "", None
    for token in tokens:
        is_symbol = token < symbols
        added = "" if is_symbol else _added(decode, last, token)
        own = added.replace(REPLACEMENT, "").strip()
        parts = bool(own and before) and own[0].isalnum() != before[-1].isalnum()
        is_first = is_symbol or last is None or added[:1].isspace() or parts
        begins.append(is_first)
        if own or is_symbol or added[:1].isspace():
            before = own
        last = None if is_symbol else token
    return begins


def _added(decode: Callable[[Sequence[int]], str], last: int | None, token: int) -> str:
    """Return what a token adds to the text of the one before it."""
    if last is None:
        return decode([token])
    alone, both = decode([last]), decode([last, token])
    return both[len(alone) :] if both.startswith(alone) else both.lstrip(REPLACEMENT)


def text_of_bytes(token: str) -> str:
    """Return the text of a token whose bytes are written as characters (Radford et al. 2019).

    Bytes that are but a part of a character are shown by their numbers: `<0xC3>`.
    """
    numbers = bytes_by_character()
    if any(character not in numbers for character in token):
        return token
    return text_or_numbers(bytes(numbers[character] for character in token))


def shown(text: str) -> str:
    """Return a token's text with a mark for each space, and numbers of what cannot be printed."""
    parts = (SPACE if each == " " else each for each in text)
    return "".join(each if each.isprintable() else f"<0x{ord(each):02X}>" for each in parts)


def text_or_numbers(content: bytes) -> str:
    """Return bytes as text, or by their numbers where they are none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in content)


@cache
def bytes_by_character() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for.

    Printable characters of Latin-1 stand for themselves, those from 256 on for the other bytes.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    written = {chr(byte): byte for byte in printable}
    return written | {chr(256 + number): byte for number, byte in enumerate(others)}
