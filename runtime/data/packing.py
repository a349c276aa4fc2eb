"""Packed batches: whole sentences one after the other, in as many places in every batch.

All batches of a run have one shape: the same places and the same number of sentences. What a batch
leaves free is filled with sentences of padding, which have no label.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np

from runtime.data.batches import Batch, Draws, Examples, Joined, Stream, draws, fitting
from runtime.data.sentences import Indices
from runtime.data.symbols import PADDING

MULTIPLE = 8
"""What the numbers of places are multiples of: GPUs multiply such matrices faster."""
TRIED = 100
"""The batches that are made on trial for each shape."""
SENTENCES = (1.0, 1.02, 1.04, 1.06, 1.1, 1.15, 1.2)
"""The numbers of sentences of a batch that are tried, against the mean number that fills it."""
ROOM = (1.0, 1.01, 1.02, 1.04, 1.08)
"""The places of the shorter sides that are tried, against their tokens in the mean batch."""
GROWTH = 1.25
"""The next larger shape, for what does not fit into a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Batches of at most `tokens` tokens a side, in constant numbers of places and sentences."""

    tokens: int
    places: tuple[int, ...]
    """The places of each input."""
    sentences: int
    """The sentences of each input, those of padding included."""
    longest: int
    """The bound on the length of a sentence, for the kernels of attention."""
    parts: int = 1
    """The processes that share each batch."""

    @classmethod
    def of(
        cls,
        train: Examples,
        valid: Examples,
        *,
        tokens: int,
        positions: int | None = None,
        parts: int = 1,
    ) -> Self:
        """Return the shape with the least padding, of those tried on a part of `train`.

        `positions` are those that the network has, if their number is bounded. Raises a UserError
        if no example of `train` fits into a batch.
        """
        longest = max(int(each.sizes.max()) for each in (train, valid))
        rounded = -(-longest // MULTIPLE) * MULTIPLE
        rows = fitting(train, tokens)
        order = rows[np.argsort(draws(np.random.PCG64(0), len(rows)), kind="stable")]
        full = tokens / max(float(length[order].mean()) for length in train.lengths)
        lengths = [each[order[: int(TRIED * full) + 1]] for each in train.lengths]
        smallest = cls(
            tokens=tokens,
            places=(tokens,) * len(lengths),
            sentences=max(int(full), -(-tokens // longest)) + 1,
            longest=max(longest, min(rounded, positions or rounded)),
            parts=parts,
        )
        return max(smallest._others(lengths), key=lambda shape: shape._real(lengths))

    @classmethod
    def exact(cls, joined: Joined) -> Self:
        """Return the shape that these examples fill."""
        places = tuple(len(each) for each in joined.inputs)
        return cls(
            tokens=max(places),
            places=places,
            sentences=len(joined.lengths[0]),
            longest=max(int(each.max()) for each in joined.lengths),
        )

    def __str__(self) -> str:
        sides = (" source", " target") if len(self.places) > 1 else ("",)
        sizes = (f"{each:,}{side}" for each, side in zip(self.places, sides, strict=True))
        return f"packed batches of {' and '.join(sizes)} tokens"

    @property
    def share(self) -> Self:
        """The packing whose batches are as large as the share of one process.

        Shares are about equally long, since the sentences of a batch are dealt out by length.
        """
        if self.parts == 1:
            return self
        return replace(
            self,
            tokens=max(self.tokens // self.parts, 1),
            places=tuple(_rounded(each / self.parts + self.longest) for each in self.places),
            sentences=-(-self.sentences // self.parts) + 4,
            parts=1,
        )

    def divide(self, examples: Examples, rows: Indices, draws: Draws) -> list[Indices]:
        """Return batches as a `Batcher` does; whatever stands next to each other shares a batch."""
        order = rows[np.argsort(draws, kind="stable")]
        cuts = self._cuts([each[order] for each in examples.lengths])
        sizes = examples.sizes
        # From the longest to the shortest, so that processes can take every n-th of them.
        return [
            batch[np.argsort(-sizes[batch], kind="stable")] for batch in np.split(order, cuts[:-1])
        ]

    def cut(self, longest: int) -> Self:
        """Return the batcher that lays out the same batches in pieces of at most so many tokens.

        A batch has at most `tokens // longest` pieces more than sentences. With as many sentences
        and places more, and with some whose length fills what rounding adds, each batch fits.
        """
        if longest >= self.longest:
            return self
        more = self.tokens // longest + 1
        more += -(-(more + MULTIPLE) // max(self.longest - 1, 1))
        places = tuple(_rounded(each + more) for each in self.places)
        return replace(self, sentences=self.sentences + more, places=places)

    def lay_out(self, joined: Joined) -> Batch:
        """Return the batch of these examples; what does not fit has a batch of a larger shape."""
        shape = self.share
        while not shape._holds(joined.lengths):
            shape = replace(
                shape,
                places=tuple(_rounded(each * GROWTH) for each in shape.places),
                sentences=int(shape.sentences * GROWTH) + 1,
            )
        streams = zip(joined.inputs, joined.lengths, shape.places, strict=True)
        return Batch(
            inputs=tuple(shape._stream(*each) for each in streams),
            places=np.arange(len(joined.labels)) if joined.places is None else joined.places,
            labels=joined.labels,
        )

    def _stream(self, tokens: Indices, lengths: Indices, places: int) -> Stream:
        """Return sentences, and after them those of padding, of about equal lengths."""
        free, count = places - len(tokens), self.sentences - len(lengths)
        padding = np.arange(count + 1) * free // max(count, 1) + len(tokens)
        offsets = np.concatenate(([0], np.cumsum(lengths), padding[1:]))
        return Stream(
            tokens=np.pad(tokens, (0, free), constant_values=PADDING),
            offsets=offsets.astype(np.int32),
            longest=self.longest,
        )

    def _holds(self, lengths: Sequence[Indices]) -> bool:
        """Tell whether these examples fit into one batch."""
        return all(int(each.sum()) <= bound for each, bound in self._sums(lengths))

    def _sums(self, lengths: Sequence[Indices]) -> Iterator[tuple[Indices, int]]:
        """Yield numbers of each example with bounds on their sums over the examples of a batch.

        What is free must be enough for a token in each sentence of padding, and not too much for
        sentences of at most `longest` tokens.
        """
        for each, places in zip(lengths, self.places, strict=True):
            yield each - 1, places - self.sentences
            yield self.longest - each, self.sentences * self.longest - places

    def _cuts(self, lengths: Sequence[Indices]) -> list[int]:
        """Return where each batch of examples in a row ends; at least one example is in each."""
        bounded = [*self._sums(lengths), *((each, self.tokens) for each in lengths)]
        sums = [(np.concatenate(([0], np.cumsum(each))), bound) for each, bound in bounded]
        cuts = [0]
        while cuts[-1] < len(lengths[0]):
            start = cuts[-1]
            ends = [each.searchsorted(each[start] + bound, "right") for each, bound in sums]
            cuts.append(max(int(min(ends)) - 1, start + 1))
        return cuts[1:]

    def _others(self, lengths: Sequence[Indices]) -> Iterator[Self]:
        """Yield shapes to try."""
        means = [float(each.mean()) for each in lengths]
        for sentences, room, spare in product(SENTENCES, ROOM, (False, True)):
            count = int(self.sentences * sentences) + 1
            most = _rounded(self.tokens + count) if spare else self.tokens
            places = [_rounded(most * room * mean / max(means)) for mean in means]
            yield replace(self, places=tuple(min(each, most) for each in places), sentences=count)

    def _real(self, lengths: Sequence[Indices]) -> float:
        """Return the share of places that hold a token, in the batches of these examples."""
        cuts = self._cuts(lengths)
        whole = cuts[-2] if len(cuts) > 1 else cuts[-1]
        real = sum(int(each[:whole].sum()) for each in lengths)
        return real / (max(len(cuts) - 1, 1) * sum(self.places))


def _rounded(places: float) -> int:
    return -(-int(places) // MULTIPLE) * MULTIPLE
