"""Examples of a tokenised corpus, and batches of about equally large ones, measured in tokens.

A batch of n examples takes n times the size of its largest one, padding included.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from runtime.data.sentences import Indices
from runtime.data.symbols import PADDING
from runtime.errors import UserError

Draws = NDArray[np.uint64]
"""Random numbers, one for each example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Sentences one after the other, as a network for packed sentences reads them."""

    tokens: Indices
    """[places]"""
    offsets: NDArray[np.int32]
    """[sentences + 1]: where each sentence begins, and the number of places."""
    longest: int
    """The bound on the length of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The inputs of a network and the labels that it shall predict."""

    inputs: tuple[Indices, ...] | tuple[Stream, ...]
    """What `features` is called with: each [batch, position], padded on the right with PADDING,

    or packed sentences
    """
    places: Indices
    """[labels]: where, in features [batch, position ..., width] but for the width flattened,

    something is predicted
    """
    labels: Indices
    """[labels]: what is right there"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Some examples, one after the other."""

    inputs: tuple[Indices, ...]
    """What each stack of the network reads, each [tokens]."""
    lengths: tuple[Indices, ...]
    """The tokens that each example has there, each [examples]."""
    places: Indices | None
    """[labels]: where in the last of the inputs something is predicted; None if it is predicted of

    whole examples
    """
    labels: Indices
    """[labels]: what is right there"""

    def padded(self, shape: tuple[int, ...] | None = None) -> Batch:
        """Return the batch of these examples, each a row.

        `shape` is the number of rows and the number of columns of each input; by default they are
        as few as can be. Rows without an example are padding.
        """
        rows, *columns = shape or (
            len(self.lengths[0]),
            *(int(each.max()) for each in self.lengths),
        )
        inputs, inside = [], np.zeros(0, dtype=np.bool_)
        for tokens, lengths, longest in zip(self.inputs, self.lengths, columns, strict=True):
            inside = np.zeros((rows, longest), dtype=np.bool_)
            inside[: len(lengths)] = np.arange(longest) < lengths[:, None]
            matrix = np.full((rows, longest), PADDING, dtype=np.int64)
            matrix[inside] = tokens
            inputs.append(matrix)
        return Batch(
            inputs=tuple(inputs),
            places=np.arange(len(self.labels))
            if self.places is None
            else np.flatnonzero(inside)[self.places],
            labels=self.labels,
        )


class Examples(Protocol):
    """A tokenised corpus: how large its examples are, and what a batch of them is."""

    unit: ClassVar[str]
    """The name of an example in messages, such as `pair`."""

    def __len__(self) -> int: ...

    @property
    def lengths(self) -> tuple[Indices, ...]:
        """The tokens of each example that each stack of the network reads, each [examples]."""

    @property
    def sizes(self) -> Indices:
        """[examples]: the tokens that each takes in a batch, those of its longest side."""
        return np.maximum.reduce(self.lengths)

    @property
    def likeness(self) -> tuple[Indices, ...]:
        """Keys, each [examples], by which examples are sorted before they share batches.

        The last counts most, as for `numpy.lexsort`, and must be `sizes`.
        """
        return (*self.lengths[:-1], self.sizes)

    def count_labels(self, rows: Indices) -> int:
        """Return the number of labels of these examples, by which the loss is divided."""

    def count_tokens(self, rows: Indices) -> int:
        """Return the number of tokens without padding, by which speed is measured."""

    def drawn(self, _seed: int, _epoch: int, /) -> Self:
        """Return the examples as this epoch of a training sees them, counted from 1.

        Without it they are as every look at a validation set sees them. By default they are equal
        in every epoch.
        """
        return self

    def shortened(
        self, batches: Sequence[Indices], _longest: int, /
    ) -> tuple["Examples", list[Indices]]:
        """Return examples of at most so many tokens that hold those of batches, and their batches.

        By default examples cannot be cut.
        """
        return self, list(batches)

    def joined(self, rows: Indices) -> Joined:
        """Return these examples, one after the other."""

    def collate(self, rows: Indices) -> Batch:
        """Return the padded batch of these examples, as small as can be."""
        return self.joined(rows).padded()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched:
    """The examples of a corpus, laid out in batches by a batcher."""

    examples: Examples
    batcher: "Batcher"

    def count_labels(self, rows: Indices) -> int:
        """Return the number of labels of these examples, by which the loss is divided."""
        return self.examples.count_labels(rows)

    def count_tokens(self, rows: Indices) -> int:
        """Return the number of tokens without padding, by which speed is measured."""
        return self.examples.count_tokens(rows)

    def drawn(self, seed: int, epoch: int, /) -> Self:
        """Return the examples as this epoch of a training sees them, counted from 1."""
        return replace(self, examples=self.examples.drawn(seed, epoch))

    def shortened(
        self, batches: Sequence[Indices], longest: int
    ) -> tuple["Batched", list[Indices]]:
        """Return examples of at most so many tokens, with those of batches, and their batches."""
        examples, found = self.examples.shortened(batches, longest)
        return replace(self, examples=examples, batcher=self.batcher.cut(longest)), found

    def collate(self, rows: Indices) -> Batch:
        """Return the batch of these examples."""
        return self.batcher.lay_out(self.examples.joined(rows))


class Batcher(Protocol):
    """A way to divide examples into batches of at most `tokens` tokens, and to lay each out."""

    @property
    def tokens(self) -> int:
        """The tokens of the longest side of a batch."""

    def __str__(self) -> str:
        """Return in words the form of the batches."""

    @property
    def share(self) -> "Batcher":
        """The batcher of batches as large as the share that one process has of a batch."""

    def divide(self, examples: Examples, rows: Indices, draws: Draws) -> list[Indices]:
        """Return these rows, each once, in batches; like examples are in the order of `draws`.

        `draws` has a number for each of the rows. An example larger than `tokens` is a batch of its
        own.
        """

    def cut(self, longest: int) -> "Batcher":
        """Return the batcher that lays out the same batches in pieces of at most so many tokens."""

    def lay_out(self, joined: Joined) -> Batch:
        """Return the batch of these examples, or of a process's share of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Padded:
    """Batches of about equally large examples, each a row, padded as little as can be."""

    tokens: int

    def __str__(self) -> str:
        return "padded batches"

    @property
    def share(self) -> Self:
        return self

    def divide(self, examples: Examples, rows: Indices, draws: Draws) -> list[Indices]:
        # Like examples stay together, which means less padding.
        order = rows[np.lexsort((draws, *(key[rows] for key in examples.likeness)))]
        return _cut(order, examples.sizes[order], self.tokens)

    def cut(self, longest: int) -> Self:  # noqa: ARG002
        return self

    def lay_out(self, joined: Joined) -> Batch:
        return joined.padded()


def batches(examples: Examples, batcher: Batcher, *, seed: int, epoch: int) -> list[Indices]:
    """Return all examples that fit, each once, in batches, in random order.

    A function of its arguments alone: it uses only the raw draws of the generator, whose stream
    numpy never changes. Raises a UserError if no example fits.
    """
    rows = fitting(examples, batcher.tokens)
    generator = np.random.PCG64([seed, epoch])
    divided = batcher.divide(examples, rows, draws(generator, len(examples))[rows])
    order = np.argsort(draws(generator, len(divided)), kind="stable")
    return [divided[number] for number in order]


def fitting(examples: Examples, tokens: int) -> Indices:
    """Return the rows of the training examples that fit into a batch of `tokens` tokens.

    Raises a UserError if no example fits.
    """
    rows = np.flatnonzero(examples.sizes <= tokens)
    if not len(rows):
        raise UserError(
            f"no training {examples.unit} fits into a batch of {tokens:,} tokens",
            help="set training.batch_tokens higher or training.accumulate lower",
        )
    return rows


def in_order(examples: Examples, batcher: Batcher) -> list[Indices]:
    """Return all examples in batches, always the same, as those of a validation set."""
    count = len(examples)
    return batcher.divide(examples, np.arange(count), np.zeros(count, dtype=np.uint64))


def draws(generator: np.random.PCG64, count: int) -> Draws:
    """Return raw draws, whose stream numpy never changes."""
    return np.asarray(generator.random_raw(count))


def _cut(order: Indices, sizes: Indices, tokens: int) -> list[Indices]:
    """Cut examples of rising size into the longest pieces of at most `tokens` tokens."""
    pieces = []
    start = 0
    while start < len(order):
        most = sizes[start : start + max(tokens // int(sizes[start]), 1)]
        fitting = np.count_nonzero(most * np.arange(1, len(most) + 1) <= tokens)
        stop = start + max(int(fitting), 1)
        pieces.append(order[start:stop])
        start = stop
    return pieces
