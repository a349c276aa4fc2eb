"""Examples: the interface of a corpus that training uses, whatever its task."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from runtime.data.sentences import Indices


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
