"""The text that a vocabulary is learned from."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil

from compiler.spec.data import Corpus, ParallelFiles
from runtime.data.files import corpus_files, read_pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingText:
    """One side of the training pairs, or both, and the size of the vocabulary to learn from it."""

    corpus: Corpus
    folder: str
    pairs: int
    sides: tuple[int, ...]
    rows: int
    setting: str
    """The key of the spec that `rows` comes from, for messages."""

    def lines(self, *, most: int | None = None) -> Iterator[str]:
        """All lines, or those of `most` pairs at regular distances."""
        stride = ceil(self.pairs / most) if most else 1
        for pair in islice(read_pairs(self.corpus, self.folder), 0, None, stride):
            for side in self.sides:
                yield pair[side]

    @property
    def name(self) -> str:
        """The files of these sides, for messages."""
        files = corpus_files(self.corpus, self.folder)
        if len(self.sides) == 1 and isinstance(self.corpus, ParallelFiles):
            files = files[self.sides[0] :: 2]
        rest = f" and {len(files) - 2} more" if len(files) > 2 else ""
        return ", ".join(map(str, files[:2])) + rest
