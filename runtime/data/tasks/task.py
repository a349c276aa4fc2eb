"""The text of a task: how lines of files become the examples of a training."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.batches import Examples
from runtime.data.files import Row, read_rows
from runtime.data.tokenizers.tokenizer import copy_tokenizers

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task(ABC):
    """The text of one spec, as its task reads it."""

    spec: Spec

    def rows(self, part: str) -> Iterator[Row]:
        """Reads the lines of `data.train`, `data.valid` or a test set."""
        return read_rows(self.spec.data.corpora[part], self.spec.data.folder)

    @abstractmethod
    def learn(self, lines: int, folder: Path, report: Report) -> None:
        """Learns tokenizers, and whatever else is learned, from `lines` lines to train on.

        Writes them into a new folder. Raises a UserError if the text will not do.
        """

    def adopt(self, tokenizers: Path, folder: Path) -> None:
        """Takes the tokenizers of another run, and learns the rest; as `learn` otherwise."""
        copy_tokenizers(tokenizers, folder)

    @abstractmethod
    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        """Writes the examples of a part of the data into a new folder -> what became of its lines.

        Raises a UserError if nothing is left.
        """

    @abstractmethod
    def load(self, folder: Path) -> Examples:
        """Loads the examples that `write` wrote. Raises a UserError if they are damaged."""


def keeps_all(part: str) -> bool:
    """Returns whether no line may be left out: scores of test sets are means over all lines."""
    return part not in ("train", "valid")


def longest_sentence(spec: Spec) -> int:
    """Returns the most tokens, symbols included, that a sentence to learn from may have."""
    limits = (spec.data.max_length, spec.model.positions)
    return min(each for each in limits if each is not None)


def longest_between_symbols(spec: Spec) -> int:
    """Returns the most tokens of a text that is read between BEGIN and END."""
    return longest_sentence(spec) - 2
