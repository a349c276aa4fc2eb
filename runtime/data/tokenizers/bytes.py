"""Text as a row of the bytes of UTF-8 (Xue et al. 2022): every text, and nothing to learn."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Self

from compiler.spec.tokenizer import BYTES
from compiler.spec.tokenizer import ByteTokenizer as Settings
from runtime.data.checksummed import Description, write_sealed
from runtime.data.symbols import NAMES, SILENT, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.words import (
    REPLACEMENT,
    ContextFree,
    PlainText,
    begins_words,
    shown,
    text_or_numbers,
)
from runtime.errors import UserError


class ByteTokenizer(ContextFree, PlainText):
    """The 256 bytes behind the symbols; every text is decoded as it was."""

    KIND = "bytes"

    def __init__(self, symbols: Sequence[str] = NAMES) -> None:
        self.symbols, self._first = symbols, len(symbols)
        self._named = {self.name(number): number for number in range(self.size)}

    @classmethod
    def train(
        cls, text: TrainingText, _settings: Settings, _report: Callable[[str], None], /
    ) -> Self:
        """Return the tokenizer. Raises a UserError unless there is a row for each byte."""
        rows = BYTES + len(text.symbols)
        if text.rows != rows:
            raise UserError(
                f"{text.setting} is {text.rows:,}, and {BYTES} bytes and {len(text.symbols)} "
                f"symbols make {rows} rows",
                help=f"set {text.setting} to {rows}, or leave it out",
            )
        return cls(text.symbols)

    @classmethod
    def load(cls, _content: bytes, description: Description, /) -> Self:
        return cls(description["symbols"].split(" "))

    def save(self, folder: Path) -> None:
        """Write the names of the rows, one a line, for people."""
        description = {"kind": self.KIND, "file": "rows.txt", "symbols": " ".join(self.symbols)}
        names = (f"{self.name(number)}\n" for number in range(self.size))
        write_sealed(folder, description, "".join(names).encode("utf-8"))

    @property
    def size(self) -> int:
        return self._first + BYTES

    def encode(self, line: str) -> list[int]:
        first = self._first
        return [first + byte for byte in line.encode("utf-8")]

    def number(self, token: str) -> int:
        return self._named.get(token, UNKNOWN)

    def name(self, token: int) -> str:
        if token < self._first:
            return self.symbols[token]
        return shown(text_or_numbers(bytes([token - self._first])))

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        return begins_words(tokens, self.decode, self._first)

    def decode(self, tokens: Sequence[int]) -> str:
        """Plain text; PADDING, BEGIN and END are left out, and what is no UTF-8 is U+FFFD."""
        parts = []
        for is_byte, several in groupby(tokens, lambda token: token >= self._first):
            if is_byte:
                content = bytes(token - self._first for token in several)
                parts.append(content.decode("utf-8", errors="replace"))
            else:
                parts += [self._word(token) for token in several]
        return "".join(parts)

    def _word(self, symbol: int) -> str:
        """Return a symbol in a text that is decoded."""
        if symbol in SILENT:
            return ""
        return REPLACEMENT if symbol == UNKNOWN else self.symbols[symbol]
