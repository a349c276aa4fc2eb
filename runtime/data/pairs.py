"""Pairs of tokenised sentences, each closed by END: `source` and `target` of a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from runtime.data.batches import Examples, Joined
from runtime.data.sentences import (
    Indices,
    Sentences,
    SentencesWriter,
    TokenLists,
    damaged,
    load_sentences,
)
from runtime.data.symbols import BEGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs(Examples):
    """A tokenised corpus of translations."""

    unit: ClassVar[str] = "pair"

    sources: Sentences
    targets: Sentences

    def __len__(self) -> int:
        return len(self.sources)

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
    def lengths(self) -> tuple[Indices, ...]:
        return self.source_lengths, self.target_lengths

    def count_labels(self, rows: Indices) -> int:
        """Return the number of target tokens, END included."""
        return int(self.target_lengths[rows].sum())

    def count_tokens(self, rows: Indices) -> int:
        return self.count_labels(rows)

    def joined(self, rows: Indices) -> Joined:
        """Return pairs. Inputs: tokens and END of the source; BEGIN and tokens of the target.

        Labels: tokens and END of the target.
        """
        labels = self.targets.joined(rows)
        lengths = self.target_lengths[rows]
        read = np.roll(labels, 1)
        read[np.cumsum(lengths) - lengths] = BEGIN
        return Joined(
            inputs=(self.sources.joined(rows), read),
            lengths=(self.source_lengths[rows], lengths),
            places=np.arange(len(labels)),
            labels=labels,
        )


class PairsWriter:
    """Writes a corpus piece by piece."""

    def __init__(self, source: SentencesWriter, target: SentencesWriter) -> None:
        self._source, self._target = source, target

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Makes the folder; the files are complete when the context ends."""
        folder.mkdir()
        with (
            SentencesWriter.open(folder, "source") as source,
            SentencesWriter.open(folder, "target") as target,
        ):
            yield cls(source, target)

    def add(self, sources: TokenLists | Sentences, targets: TokenLists | Sentences) -> None:
        """Appends pairs of sentences, which END closes here."""
        self._source.add_closed(sources)
        self._target.add_closed(targets)


def load_pairs(folder: Path) -> Pairs:
    """Maps what a `PairsWriter` wrote. Raises a UserError if it is not complete."""
    pairs = Pairs(
        sources=load_sentences(folder, "source"), targets=load_sentences(folder, "target")
    )
    if len(pairs.sources) != len(pairs.targets):
        raise damaged(folder)
    return pairs
