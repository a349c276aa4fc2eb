"""Tokenised sentences in memory-mapped arrays.

`NAME.tokens` holds them one after the other (int32), `NAME.ends` where each of them ends (int64).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from runtime.data.symbols import END
from runtime.errors import UserError

TOKEN, PLACE = np.dtype("<i4"), np.dtype("<i8")

Indices = NDArray[np.int64]
TokenLists = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """The sentences of one side of a corpus."""

    tokens: NDArray[np.int32]
    ends: Indices
    lengths: Indices

    @classmethod
    def of(cls, tokens: NDArray[np.int32], ends: Indices) -> Self:
        return cls(tokens=tokens, ends=ends, lengths=np.diff(ends, prepend=0))

    @classmethod
    def joining(cls, lists: TokenLists) -> Self:
        """Return the sentences whose tokens are in these lists."""
        ends = np.cumsum(np.fromiter(map(len, lists), PLACE, len(lists)), dtype=PLACE)
        total = int(ends[-1]) if len(ends) else 0
        return cls.of(np.fromiter(chain.from_iterable(lists), TOKEN, total), ends)

    def __len__(self) -> int:
        return len(self.lengths)

    def lists(self) -> list[list[int]]:
        """Return the tokens of each sentence."""
        tokens, ends = self.tokens.tolist(), self.ends.tolist()
        return [tokens[start:end] for start, end in zip((0, *ends), ends, strict=False)]

    def chosen(self, is_chosen: NDArray[np.bool_]) -> "Sentences":
        """Return the sentences for which `is_chosen` holds."""
        if is_chosen.all():
            return self
        tokens = self.tokens[np.repeat(is_chosen, self.lengths)]
        return Sentences.of(tokens, np.cumsum(self.lengths[is_chosen]))

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        return self.tokens[self.ends[index] - self.lengths[index] : self.ends[index]]

    def joined(self, rows: Indices) -> Indices:
        """Return the tokens of these sentences, one sentence after the other."""
        return self.tokens[self.places(rows)].astype(np.int64)

    def places(self, rows: Indices) -> Indices:
        """Return where in `tokens` the tokens of these sentences stand, sentence by sentence."""
        lengths = self.lengths[rows]
        joined = np.cumsum(lengths)
        return np.repeat(self.ends[rows] - joined, lengths) + np.arange(joined[-1])


class SentencesWriter:
    """Writes sentences piece by piece, so that they need not fit into memory."""

    def __init__(self, tokens: IO[bytes], ends: IO[bytes]) -> None:
        self._tokens, self._ends = tokens, ends
        self._end = 0

    @classmethod
    @contextmanager
    def open(cls, folder: Path, name: str) -> Iterator[Self]:
        """In a folder that is there; the files are complete when the context ends."""
        with (
            (folder / f"{name}.tokens").open("wb") as tokens,
            (folder / f"{name}.ends").open("wb") as ends,
        ):
            yield cls(tokens, ends)

    def add_closed(self, sentences: TokenLists | Sentences) -> None:
        """Appends sentences, which END closes here."""
        own = sentences if isinstance(sentences, Sentences) else Sentences.joining(sentences)
        closed = np.insert(own.tokens, own.ends, END)
        self._write(closed, own.ends + np.arange(1, len(own) + 1))

    def add(self, sentences: TokenLists) -> None:
        """Appends sentences as they are."""
        own = Sentences.joining(sentences)
        self._write(own.tokens, own.ends)

    def _write(self, tokens: NDArray[np.int32], ends: Indices) -> None:
        self._tokens.write(tokens.astype(TOKEN).tobytes())
        self._ends.write((self._end + ends).astype(PLACE).tobytes())
        self._end += len(tokens)


def load_sentences(folder: Path, name: str) -> Sentences:
    """Maps what a `SentencesWriter` wrote. Raises a UserError if it is not complete."""
    try:
        tokens = np.memmap(folder / f"{name}.tokens", TOKEN, "r")
        ends = np.memmap(folder / f"{name}.ends", PLACE, "r")
    except (FileNotFoundError, ValueError) as error:
        raise damaged(folder) from error
    if ends[-1] != len(tokens):
        raise damaged(folder)
    # Plain views: the subclass costs time at every slice.
    return Sentences.of(tokens.view(np.ndarray), ends.view(np.ndarray))


def damaged(folder: Path) -> UserError:
    return UserError(
        f"the prepared text in {folder} is damaged",
        help=f"delete {folder.parent}: it is made anew when it is needed",
    )
