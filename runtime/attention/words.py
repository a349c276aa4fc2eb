"""Tokens as readers see them, and the words that they make together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.data.tokenizers.words import SPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The positions of a text as the network reads them, symbols included."""

    numbers: tuple[int, ...]
    tokens: tuple[str, ...]
    """The tokens without the mark that begins a word."""
    begins: tuple[bool, ...]
    """For each token, whether it begins a word."""
    words: tuple[str, ...]

    @classmethod
    def of(cls, numbers: Sequence[int], tokenizer: Tokenizer) -> "Stream":
        """Return the stream of tokens with these numbers."""
        names = [tokenizer.name(each) for each in numbers]
        begins = tokenizer.begins_words(numbers)
        places = [place for place, is_first in enumerate(begins) if is_first]
        words = []
        for start, stop in zip(places, [*places[1:], len(names)], strict=True):
            words.append(tokenizer.decode(numbers[start:stop]).strip() or names[start])
        shown = (name.removeprefix(SPACE) or name for name in names)
        return cls(
            numbers=tuple(numbers), tokens=tuple(shown), begins=tuple(begins), words=tuple(words)
        )

    @property
    def word_of(self) -> NDArray[np.int64]:
        """The index of the word of each token [token]."""
        return np.cumsum(self.begins) - 1

    def sums(self) -> NDArray[np.float64]:
        """Return a matrix [word, token] that sums over the tokens of each word."""
        return np.eye(len(self.words))[:, self.word_of]

    def means(self) -> NDArray[np.float64]:
        """Return a matrix [word, token] that averages over the tokens of each word."""
        sums = self.sums()
        return np.asarray(sums / sums.sum(axis=1, keepdims=True))
