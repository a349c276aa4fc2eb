"""Text that somebody else has cut into tokens: between spaces, unfinished words marked."""

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
        types = content.decode("utf-8").split("\n")[:-1]
        symbols = description["symbols"].split(" ")
        return cls(types, joiner=description["joiner"], symbols=symbols)

    def save(self, folder: Path) -> None:
        """Writes the tokens, one a line, in the order of their numbers."""
        description = {"kind": self.KIND, "file": "vocabulary.txt", "joiner": self.joiner}
        description["symbols"] = " ".join(self.symbols)
        lines = (f"{token}\n" for token in self._numbers)
        write_sealed(folder, description, "".join(lines).encode("utf-8"))

    @property
    def size(self) -> int:
        return len(self._names)

    def number(self, token: str) -> int:
        return self._numbers.get(token, UNKNOWN)

    def encode(self, line: str) -> list[int]:
        return [self.number(token) for token in line.split(" ") if token]

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
        return f"{line} ".replace(f"{self.joiner} ", "").rstrip(" ")


def count_types(text: TrainingText) -> list[str]:
    """The different tokens of a text, by frequency, then by alphabet (the order of code points).

    Tokens that look like a symbol (`<s>`) count as unknown: text cannot end a sentence.
    """
    counts = Counter(chain.from_iterable(line.split(" ") for line in text.lines()))
    for name in ("", *text.symbols):
        counts.pop(name, None)
    return sorted(counts, key=lambda token: (-counts[token], token))
