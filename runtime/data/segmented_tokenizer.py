"""Text that somebody else has cut into tokens: between spaces, unfinished words marked."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from compiler.spec.data import SegmentedTokenizer as Settings
from runtime.data.sealed import Description, write_sealed
from runtime.data.symbols import BEGIN, END, NAMES, PADDING, UNKNOWN
from runtime.data.text import TrainingText
from runtime.errors import UserError


class SegmentedTokenizer:
    """A vocabulary of given tokens; `joiner` ends one that the next token continues."""

    KIND = "segmented"

    def __init__(self, types: Sequence[str], *, joiner: str) -> None:
        """`types` are the tokens in the order of their numbers, from 4 on."""
        self._names = [*NAMES, *types]
        self._numbers = {token: number for number, token in enumerate(types, start=len(NAMES))}
        self._joiner = joiner

    @classmethod
    def train(cls, text: TrainingText, settings: Settings) -> "SegmentedTokenizer":
        """The most frequent tokens of the text, equally frequent ones in alphabetical order.

        Raises a UserError if the text has fewer types than the vocabulary has rows for them.
        """
        types = count_types(text)
        if text.rows > len(types) + len(NAMES):
            raise UserError(
                f"{text.setting} is {text.rows:,}, but {text.name} has only {len(types):,} "
                f"different tokens, which make {len(types) + len(NAMES):,} rows with the "
                f"{len(NAMES)} symbols",
                help=f"set {text.setting} to {len(types) + len(NAMES)}",
            )
        return cls(types[: text.rows - len(NAMES)], joiner=settings.joiner)

    @classmethod
    def load(cls, description: Description, content: bytes) -> "SegmentedTokenizer":
        return cls(content.decode("utf-8").split("\n")[:-1], joiner=description["joiner"])

    def save(self, folder: Path) -> None:
        """Writes the tokens, one a line, in the order of their numbers."""
        description = {"kind": self.KIND, "file": "vocabulary.txt", "joiner": self._joiner}
        lines = (f"{token}\n" for token in self._names[len(NAMES) :])
        write_sealed(folder, description, "".join(lines).encode("utf-8"))

    @property
    def size(self) -> int:
        return len(self._names)

    def encode(self, line: str) -> list[int]:
        return [self._numbers.get(token, UNKNOWN) for token in line.split(" ") if token]

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        return [self.encode(line) for line in lines]

    def decode(self, tokens: Sequence[int]) -> str:
        silent = (PADDING, BEGIN, END)
        return self.detokenize(
            " ".join(self._names[token] for token in tokens if token not in silent)
        )

    def detokenize(self, line: str) -> str:
        """The line with its unfinished words joined."""
        return f"{line} ".replace(f"{self._joiner} ", "").rstrip(" ")


def count_types(text: TrainingText) -> list[str]:
    """The different tokens of a text, by frequency, then by alphabet (the order of code points).

    Tokens that look like a symbol (`<s>`) count as unknown: text cannot end a sentence.
    """
    counts = Counter(chain.from_iterable(line.split(" ") for line in text.lines()))
    for name in ("", *NAMES):
        counts.pop(name, None)
    return sorted(counts, key=lambda token: (-counts[token], token))
