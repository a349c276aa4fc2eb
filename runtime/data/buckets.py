"""Padded batches of few shapes: a GPU makes kernels and programs for a shape at its first use.

A shape is a number of rows and, for each input of the network, a number of columns. The shapes
follow from the lengths of a corpus; an example belongs to the smallest that it fits into.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from runtime.data.batches import Batch, Draws, Examples, Joined
from runtime.data.sentences import Indices

MOST = 32
"""The largest number of shapes in a whole training, validations included."""

Lengths = NDArray[np.int64]
"""Numbers of tokens, [..., inputs]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Batches of at most `tokens` tokens, of as many shapes as there are buckets."""

    tokens: int
    columns: Lengths
    """[buckets, inputs]: the columns of each bucket; the last bucket holds every example."""
    rows: Indices
    """[buckets]: the rows of a whole batch of each bucket."""
    parts: int = 1
    """The processes that share each batch: what one of them computes has a shape."""

    @classmethod
    def of(cls, train: Examples, valid: Examples, *, tokens: int, parts: int = 1) -> Self:
        """Return the buckets with the least padding in an epoch of `train`, of those tried."""
        lengths, looks = (np.stack(each.lengths, axis=1) for each in (train, valid))
        fits = lengths.max(axis=1) <= tokens
        lengths = lengths[fits] if fits.any() else lengths
        last = np.concatenate((lengths, looks)).max(axis=0)
        kinds, counts = np.unique(lengths, axis=0, return_counts=True)
        tried = [
            cls(tokens=tokens, columns=columns, rows=_rows(columns, tokens), parts=parts)
            for columns in (_with(last, each) for each in _divisions(kinds, counts))
        ]
        return min(tried, key=lambda buckets: buckets._size_of_an_epoch(kinds, counts))

    def __str__(self) -> str:
        count = len(self.columns)
        return f"padded batches of {count} shapes" if count > 1 else "padded batches of one shape"

    @property
    def share(self) -> Self:
        """The batcher whose batches are as large as the share of one process."""
        return replace(self, rows=-(-self.rows // self.parts), parts=1)

    @property
    def shapes(self) -> Lengths:
        """[buckets, 1 + inputs]: the rows and columns of what one process computes."""
        return np.column_stack((-(-self.rows // self.parts), self.columns))

    def divide(self, examples: Examples, rows: Indices, draws: Draws) -> list[Indices]:
        """Return batches as a `Batcher` does; what fills none of its bucket goes to a larger one.

        The examples of a bucket are in the order of `draws`.
        """
        homes = self._homes(np.stack([each[rows] for each in examples.lengths], axis=1))
        keys = (key[rows] for key in examples.likeness)
        order = np.lexsort((*keys, draws, homes))
        ends = np.searchsorted(homes[order], np.arange(len(self.columns)), side="right")
        members = [[each] for each in np.split(rows[order], ends[:-1])]
        divided = []
        for number, most in enumerate(self.rows.tolist()):
            own = np.concatenate(members[number])
            larger = self._larger(number)
            full = len(own) // most * most if larger is not None else len(own)
            divided += [own[start : start + most] for start in range(0, full, most)]
            if larger is not None:
                members[larger].insert(0, own[full:])
        return divided

    def cut(self, longest: int) -> Self:
        """Return the batcher that lays out the same batches in pieces of at most so many tokens."""
        pieces = -(-self.columns.max(axis=1) // longest)
        return replace(self, columns=np.minimum(self.columns, longest), rows=self.rows * pieces)

    def lay_out(self, joined: Joined) -> Batch:
        """Return the batch of these examples, in the smallest shape that holds them."""
        smallest = (len(joined.lengths[0]), *(int(each.max()) for each in joined.lengths))
        fitting = self.shapes[(self.shapes >= smallest).all(axis=1)]
        sizes = fitting[:, 0] * fitting[:, 1:].sum(axis=1)
        return joined.padded(tuple(fitting[np.argmin(sizes)].tolist()))

    def _homes(self, lengths: Lengths) -> Indices:
        """Return the number of the smallest bucket for examples of these lengths."""
        homes = np.full(len(lengths), len(self.columns) - 1)
        for number in reversed(range(len(self.columns) - 1)):
            homes[(lengths <= self.columns[number]).all(axis=1)] = number
        return homes

    def _larger(self, number: int) -> int | None:
        """Return the number of the next bucket that holds what this one does."""
        holds = (self.columns[number + 1 :] >= self.columns[number]).all(axis=1)
        return number + 1 + int(np.argmax(holds)) if len(holds) else None

    def _size_of_an_epoch(self, kinds: Lengths, counts: Indices) -> int:
        """Return the number of places of all batches of an epoch.

        It has `counts` examples of these lengths.
        """
        members = np.bincount(self._homes(kinds), counts, len(self.columns)).astype(np.int64)
        places = 0
        for number, most in enumerate(self.rows.tolist()):
            larger = self._larger(number)
            full, rest = divmod(int(members[number]), most)
            if larger is None:
                full += rest > 0
            else:
                members[larger] += rest
            places += full * most * int(self.columns[number].sum())
        return places


def _rows(columns: Lengths, tokens: int) -> Indices:
    """Return the most rows of each bucket that have at most `tokens` tokens on each side."""
    return np.maximum(tokens // columns.max(axis=1), 1)


def _with(last: Lengths, columns: Lengths) -> Lengths:
    """Return buckets with one for every example, from the smallest to the largest."""
    found = np.unique(np.concatenate((columns, last[None])), axis=0)
    return found[np.argsort(found.sum(axis=1), kind="stable")]


def _divisions(kinds: Lengths, counts: Indices) -> Iterator[Lengths]:
    """Yield columns of 1, 2, 3, ... buckets, fewer than `MOST`, for `counts` examples of `kinds`.

    Each time the bucket is divided at the length where that saves the most padding.
    """
    parts = [np.arange(len(kinds))]
    found = [_best_cut(kinds, counts)]
    while True:
        yield np.stack([kinds[part].max(axis=0) for part in parts])
        number = max(range(len(parts)), key=lambda each: found[each][0])
        saved, below, above = found[number]
        if not saved or len(parts) == MOST - 1:
            return
        whole = parts[number]
        parts[number : number + 1] = [whole[below], whole[above]]
        found[number : number + 1] = [
            _best_cut(kinds[each], counts[each]) for each in (whole[below], whole[above])
        ]


def _best_cut(kinds: Lengths, counts: Indices) -> tuple[int, Indices, Indices]:
    """Return the places that the best cut in two saves, and what is below and above it."""
    nothing = np.zeros(0, dtype=np.int64)
    best = (0, nothing, nothing)
    whole = int(counts.sum() * kinds.max(axis=0).sum())
    for column in range(kinds.shape[1]):
        order = np.argsort(kinds[:, column], kind="stable")
        cuts = np.flatnonzero(np.diff(kinds[order, column]))
        if not len(cuts):
            continue
        below = np.maximum.accumulate(kinds[order]).sum(axis=1)[cuts]
        above = np.maximum.accumulate(kinds[order][::-1])[::-1].sum(axis=1)[cuts + 1]
        smaller = np.cumsum(counts[order])[cuts]
        places = smaller * below + (counts.sum() - smaller) * above
        cut = int(np.argmin(places))
        if (saved := whole - int(places[cut])) > best[0]:
            best = saved, order[: cuts[cut] + 1], order[cuts[cut] + 1 :]
    return best
