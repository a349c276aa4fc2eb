"""Pairs of tokenised texts for an embedding model: `source` and `target` of a folder."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from runtime.data.batches import Examples, Joined
from runtime.data.sentences import Indices, Sentences
from runtime.data.texts import after_begin


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPairs(Examples):
    """Pairs of texts that belong together, each text closed by END."""

    unit: ClassVar[str] = "pair"

    sources: Sentences
    targets: Sentences

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        """The tokens of both texts of each pair, BEGIN and END included."""
        return self.sources.lengths + 1, self.targets.lengths + 1

    def count_labels(self, rows: Indices) -> int:
        return len(rows)

    def count_tokens(self, rows: Indices) -> int:
        """Return the number of tokens of both sides."""
        return sum(int(each[rows].sum()) for each in self.lengths)

    def joined(self, rows: Indices) -> Joined:
        """Return pairs. Inputs: BEGIN, tokens and END of the sources, and of the targets.

        Labels [pairs, 2]: the numbers of the texts of each pair.
        """
        (source, source_lengths, _), (target, target_lengths, _) = (
            after_begin(side, rows) for side in (self.sources, self.targets)
        )
        return Joined(
            inputs=(source, target),
            lengths=(source_lengths, target_lengths),
            places=None,
            labels=self.numbers(rows),
        )

    def numbers(self, rows: Indices | None = None) -> Indices:
        """Return the numbers [pairs, 2] of the texts of these pairs, by default of all.

        Equal texts have equal numbers, on whichever side they are.
        """
        chosen = range(len(self)) if rows is None else rows.tolist()
        known: dict[bytes, int] = {}
        found = [
            known.setdefault(side[row].tobytes(), len(known))
            for row in chosen
            for side in (self.sources, self.targets)
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 2)
