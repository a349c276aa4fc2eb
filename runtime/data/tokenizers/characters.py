"""Text as a row of characters, each with a row of the vocabulary."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

from compiler.spec.tokenizer import CharacterTokenizer as Settings
from runtime.data.checksummed import Description, write_sealed
from runtime.data.symbols import NAMES, SILENT, UNKNOWN
from runtime.data.text import TrainingText
from runtime.data.tokenizers.words import REPLACEMENT, ContextFree, PlainText, begins_words, shown

"""What an unknown character is decoded to."""


class CharacterTokenizer(ContextFree, PlainText):
    """A vocabulary of characters; every text that is made of them is decoded as it was."""

    KIND = "characters"

    def __init__(self, characters: str, symbols: Sequence[str] = NAMES) -> None:
        """`characters` are in the order of their numbers, which follow the symbols."""
        self.characters, self.symbols = characters, symbols
        self._texts = [*symbols, *characters]
        self._texts[UNKNOWN] = REPLACEMENT
        self._numbers = {each: number for number, each in enumerate(characters, len(symbols))}
        self._named = {self.name(number): number for number in range(len(self._texts))}

    @classmethod
    def train(
        cls, text: TrainingText, _settings: Settings, report: Callable[[str], None], /
    ) -> Self:
        """Return the most frequent characters, equally frequent ones by their code points.

        Reports how many are too rare to have a row. Raises a UserError if the vocabulary has more
        rows than the text has characters for.
        """
        counts = Counter(chain.from_iterable(text.lines()))
        found = sorted(counts, key=lambda each: (-counts[each], each))
        return cls("".join(text.most_frequent(found, "characters", report)), text.symbols)

    @classmethod
    def load(cls, content: bytes, description: Description, /) -> Self:
        return cls(content.decode("utf-8"), description["symbols"].split(" "))

    def save(self, folder: Path) -> None:
        """Write the characters one after the other, in the order of their numbers."""
        description = {"kind": self.KIND, "file": "characters.txt"}
        description["symbols"] = " ".join(self.symbols)
        write_sealed(folder, description, self.characters.encode("utf-8"))

    @property
    def size(self) -> int:
        return len(self._texts)

    def encode(self, line: str) -> list[int]:
        return [self._numbers.get(character, UNKNOWN) for character in line]

    def number(self, token: str) -> int:
        return self._numbers.get(token, self._named.get(token, UNKNOWN))

    def name(self, token: int) -> str:
        is_symbol = token < len(self.symbols)
        return self.symbols[token] if is_symbol else shown(self._texts[token])

    def begins_words(self, tokens: Sequence[int]) -> list[bool]:
        return begins_words(tokens, self.decode, len(self.symbols))

    def decode(self, tokens: Sequence[int]) -> str:
        """Plain text; PADDING, BEGIN and END are left out, and an unknown character is U+FFFD."""
        return "".join(self._texts[token] for token in tokens if token not in SILENT)
