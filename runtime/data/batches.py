"""Examples of a tokenised corpus, and batches of about equally large ones, measured in tokens.

A batch of n examples takes n times the size of its largest one, padding included.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from runtime.data.sentences import Indices
from runtime.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The inputs of a network and the labels that it shall predict."""

    inputs: tuple[Indices, ...]
    """What `features` is called with, each [batch, position], padded on the right with PADDING"""
    places: Indices
    """[labels]: where, in features [batch, position ..., width] but for the width flattened,

    something is predicted
    """
    labels: Indices
    """[labels]: what is right there"""


class Examples(Protocol):
    """A tokenised corpus: how large its examples are, and what a batch of them is."""

    unit: ClassVar[str]
    """What an example is called in messages."""

    def __len__(self) -> int: ...

    @property
    def sizes(self) -> Indices:
        """[examples]: the tokens that each takes in a batch."""

    @property
    def likeness(self) -> tuple[Indices, ...]:
        """Keys, each [examples], by which examples are sorted before they share batches.

        The last counts most, as for `numpy.lexsort`, and must be `sizes`.
        """

    def count_labels(self, rows: Indices) -> int:
        """Return the number of labels of these examples, by which the loss is divided."""

    def count_tokens(self, rows: Indices) -> int:
        """Return the number of tokens without padding, by which speed is measured."""

    def drawn(self, seed: int, epoch: int, /) -> Self:
        """The examples as this epoch of a training sees them, counted from 1.

        Without it they are as every look at a validation set sees them.
        """

    def collate(self, rows: Indices) -> Batch:
        """The batch of these examples."""


def batches(examples: Examples, *, tokens: int, seed: int, epoch: int) -> list[Indices]:
    """All examples that fit, each once, in batches of at most `tokens` tokens, in random order.

    A function of its arguments alone: it uses only the raw draws of the generator, whose stream
    numpy never changes. Raises a UserError if no example fits.
    """
    sizes = examples.sizes
    if not (sizes <= tokens).any():
        raise UserError(
            f"no training {examples.unit} fits into a batch of {tokens:,} tokens",
            help="set training.batch_tokens higher or training.accumulate lower",
        )
    generator = np.random.PCG64([seed, epoch])
    # Like examples stay together, which means less padding.
    order = np.lexsort((_draws(generator, len(examples)), *examples.likeness))
    order = order[: np.count_nonzero(sizes <= tokens)]
    cut = _cut(order, sizes[order], tokens)
    return [cut[number] for number in np.argsort(_draws(generator, len(cut)), kind="stable")]


def in_order(examples: Examples, tokens: int) -> list[Indices]:
    """All examples in batches of at most `tokens` tokens, the shortest first; always the same.

    An example larger than `tokens` is a batch of its own.
    """
    order = np.lexsort(examples.likeness)
    return _cut(order, examples.sizes[order], tokens)


def _draws(generator: np.random.PCG64, count: int) -> NDArray[np.uint64]:
    return np.asarray(generator.random_raw(count))


def _cut(order: Indices, sizes: Indices, tokens: int) -> list[Indices]:
    """Cuts examples of rising size into the longest pieces of at most `tokens` tokens."""
    pieces = []
    start = 0
    while start < len(order):
        most = sizes[start : start + max(tokens // int(sizes[start]), 1)]
        fitting = np.count_nonzero(most * np.arange(1, len(most) + 1) <= tokens)
        stop = start + max(int(fitting), 1)
        pieces.append(order[start:stop])
        start = stop
    return pieces
