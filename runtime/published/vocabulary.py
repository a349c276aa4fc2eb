"""The tokenizer of a published model: its tokens, and how ours reads it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from compiler.vocabulary.rows import Rows
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary(ABC):
    """The tokenizer of a folder."""

    KIND: ClassVar[str]
    """The kind of `data.tokenizer` that reads it."""
    NAME: ClassVar[str]
    """Its file in the run."""

    file: Path
    numbers: Mapping[str, int]
    """The tokens with their numbers."""

    @property
    def size(self) -> int:
        return max(self.numbers.values()) + 1

    @property
    @abstractmethod
    def content(self) -> bytes:
        """Return the content of its file in the run."""

    @abstractmethod
    def symbols(self, given: Mapping[str, str]) -> tuple[int | None, ...]:
        """Return their numbers of our symbols, of which `given` names some."""

    @abstractmethod
    def enlarged(self, size: int) -> Self:
        """Return the vocabulary with a token that no text holds for each further row of a table."""

    @abstractmethod
    def _sides(self, rows: Rows, before: Sequence[Sequence[int]]) -> tuple[Tokenizer, Tokenizer]:
        """Return the tokenizers of source and target; raises a ValueError for what is none."""

    def tokenizers(
        self, rows: Rows, before: Sequence[Sequence[int]]
    ) -> tuple[Tokenizer, Tokenizer]:
        """Return the tokenizers of source and target, their tokens in the order of `rows`.

        `before` are tokens of theirs that texts of the source, and of the target, begin with. The
        two are one object where they do not differ. Raises a UserError for what is no tokenizer.
        """
        ours = [[rows.number(each) for each in tokens] for tokens in before]
        try:
            return self._sides(rows, ours)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{self.file} cannot be read as a tokenizer: {error}") from error

    def _more(self, size: int) -> dict[str, int]:
        """Return names for the rows of a table that no token has."""
        taken = set(self.numbers.values())
        return {f"<unused {each}>": each for each in range(size) if each not in taken}
