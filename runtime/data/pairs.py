"""Pairs of tokenised sentences in memory-mapped arrays.

A corpus is a folder of four files. For each side, `tokens` holds its sentences one after the other
(int32), each closed by END, and `ends` where each of them ends (int64).
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
    """One side of a corpus, each sentence closed by END."""

    tokens: NDArray[np.int32]
    ends: Indices
    lengths: Indices

    @classmethod
    def of(cls, tokens: NDArray[np.int32], ends: Indices) -> Self:
        return cls(tokens=tokens, ends=ends, lengths=np.diff(ends, prepend=0))

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        return self.tokens[self.ends[index] - self.lengths[index] : self.ends[index]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A tokenised corpus."""

    sources: Sentences
    targets: Sentences

    def __len__(self) -> int:
        return len(self.sources.lengths)

    def source(self, index: int) -> NDArray[np.int32]:
        """The tokens of a source sentence and END."""
        return self.sources[index]

    def target(self, index: int) -> NDArray[np.int32]:
        """The tokens of a target sentence and END."""
        return self.targets[index]

    @property
    def source_lengths(self) -> Indices:
        """Tokens of each source sentence, its END included."""
        return self.sources.lengths

    @property
    def target_lengths(self) -> Indices:
        """Tokens of each target sentence, its END (or, as a decoder's input, BEGIN) included."""
        return self.targets.lengths

    @property
    def sizes(self) -> Indices:
        """The longer side of each pair in tokens, END included."""
        return np.maximum(self.source_lengths, self.target_lengths)


class PairsWriter:
    """Writes a corpus piece by piece, so that it need not fit into memory."""

    def __init__(self, source: "_SentencesWriter", target: "_SentencesWriter") -> None:
        self._source, self._target = source, target

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Makes the folder; the files are complete when the context ends."""
        folder.mkdir()
        with (
            (folder / "source.tokens").open("wb") as source_tokens,
            (folder / "source.ends").open("wb") as source_ends,
            (folder / "target.tokens").open("wb") as target_tokens,
            (folder / "target.ends").open("wb") as target_ends,
        ):
            yield cls(
                _SentencesWriter(source_tokens, source_ends),
                _SentencesWriter(target_tokens, target_ends),
            )

    def add(self, sources: TokenLists, targets: TokenLists) -> None:
        """Appends pairs of token lists, which END closes here."""
        self._source.add(sources)
        self._target.add(targets)


class _SentencesWriter:
    def __init__(self, tokens: IO[bytes], ends: IO[bytes]) -> None:
        self._tokens, self._ends = tokens, ends
        self._end = 0

    def add(self, sentences: TokenLists) -> None:
        closed = chain.from_iterable(chain(sentence, (END,)) for sentence in sentences)
        lengths = np.fromiter(map(len, sentences), PLACE, len(sentences)) + 1
        ends = self._end + np.cumsum(lengths)
        self._tokens.write(np.fromiter(closed, TOKEN, int(lengths.sum())).tobytes())
        self._ends.write(ends.astype(PLACE).tobytes())
        self._end += int(lengths.sum())


def load_pairs(folder: Path) -> Pairs:
    """Maps what a `PairsWriter` wrote. Raises a UserError if it is not complete."""
    pairs = Pairs(sources=_load(folder, "source"), targets=_load(folder, "target"))
    if len(pairs.source_lengths) != len(pairs.target_lengths):
        raise _damaged(folder)
    return pairs


def _load(folder: Path, side: str) -> Sentences:
    try:
        tokens = np.memmap(folder / f"{side}.tokens", TOKEN, "r")
        ends = np.memmap(folder / f"{side}.ends", PLACE, "r")
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    if ends[-1] != len(tokens):
        raise _damaged(folder)
    # Plain views: the subclass costs time at every slice.
    return Sentences.of(tokens.view(np.ndarray), ends.view(np.ndarray))


def _damaged(folder: Path) -> UserError:
    return UserError(
        f"the prepared text in {folder} is damaged",
        help=f"delete {folder.parent}: it is made anew when it is needed",
    )
