"""Text that somebody else has cut into tokens: between spaces, unfinished words marked."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

from compiler.spec.tokenizer import SegmentedTokenizer as Settings
from runtime.data.checksummed import Description, write_sealed
from runtime.data.symbols import NAMES, SILENT, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.words import ContextFree

LINE_END = "\n"
"""The token that the end of a line is, in text that runs on from line to line."""


class SegmentedTokenizer(ContextFree):
    """A vocabulary of given tokens; `joiner` ends one that the next token continues."""

    KIND = "segmented"

    def __init__(
        self, types: Sequence[str], *, joiner: str, symbols: Sequence[str] = NAMES
    ) -> None:
        """`types` are the tokens in the order of their numbers, which follow the symbols."""
        self.symbols, self.types = symbols, types
        self._names = [*symbols, *types]
        self._numbers = {token: number for number, token in enumerate(types, start=len(symbols))}
        self.joiner = joiner

    @classmethod
    def train(
        cls, text: TrainingText, settings: Settings, report: Callable[[str], None], /
    ) -> Self:
        """The most frequent tokens of the text, equally frequent ones in alphabetical order.

        Reports how many are too rare to have a row. Raises a UserError if the vocabulary has more
        rows than the text has types for.
        """
        kept = text.most_frequent(count_types(text), "tokens", report)
        return cls(kept, joiner=settings.joiner, symbols=text.symbols)

    @classmethod
    def load(cls, content: bytes, description: Description, /) -> Self:
        types = content.decode("utf-8").split(description.get("between", LINE_END))[:-1]
        symbols = description["symbols"].split(" ")
        return cls(types, joiner=description["joiner"], symbols=symbols)

    def save(self, folder: Path) -> None:
        """Writes the tokens in the order of their numbers, one a line.

        Spaces are between them where the end of a line is a token.
        """
        description = {"kind": self.KIND, "file": "vocabulary.txt", "joiner": self.joiner}
        description["symbols"] = " ".join(self.symbols)
        between = LINE_END
        if LINE_END in self._numbers:
            between = description["between"] = " "
        content = "".join(f"{token}{between}" for token in self._numbers)
        write_sealed(folder, description, content.encode("utf-8"))

    @property
    def size(self) -> int:
        return len(self._names)

    def number(self, token: str) -> int:
        return self._numbers.get(token, UNKNOWN)

    def encode(self, line: str) -> list[int]:
        return [self.number(token) for token in tokens_of(line)]

    def name(self, token: int) -> str:
        return self._names[token]

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        """For each of these tokens in a row, whether it begins a word; a symbol is one."""
        before = [False, *(self._names[each].endswith(self.joiner) for each in tokens)]
        symbols = range(len(self.symbols))
        pairs = zip(tokens, before, strict=False)
        return [token in symbols or not goes_on for token, goes_on in pairs]

    def decode(self, tokens: Sequence[int]) -> str:
        return self.detokenize(
            " ".join(self._names[token] for token in tokens if token not in SILENT)
        )

    def detokenize(self, line: str) -> str:
        """The line with its unfinished words joined."""
        is_running = LINE_END in line
        spaced = line.replace(LINE_END, f" {LINE_END} ") if is_running else line
        joined = f"{spaced} ".replace(f"{self.joiner} ", "").rstrip(" ")
        return re.sub(f" *{LINE_END} *", LINE_END, joined) if is_running else joined


def tokens_of(line: str) -> list[str]:
    """Return the tokens of a line: what stands between spaces, and the end of a line."""
    return [token for token in re.split(f"( |{LINE_END})", line) if token not in ("", " ")]


def count_types(text: TrainingText) -> list[str]:
    """The different tokens of a text, by frequency, then by alphabet (the order of code points).

    Tokens that look like a symbol (`<s>`) count as unknown: text cannot end a sentence.
    """
    counts = Counter(chain.from_iterable(map(tokens_of, text.lines())))
    for name in text.symbols:
        counts.pop(name, None)
    return sorted(counts, key=lambda token: (-counts[token], token))
