"""Parts of the tasks of one text: one vocabulary, and the cutting of long lines."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.files import Row
from runtime.data.symbols import NAMES, UNKNOWN
from runtime.data.tasks.task import Report, Task
from runtime.data.text import training_text
from runtime.data.tokenising import tokenised_pieces
from runtime.data.tokenizers.tokenizer import train_tokenizer
from runtime.errors import UserError

Tokens = list[int]


@dataclass(slots=True, kw_only=True)
class TextTally:
    """A count of the texts of a corpus, and of what was done with them."""

    part: str
    cut_to: str
    """The words for what a long text becomes."""
    taken: int = 0
    empty: int = 0
    cut: int = 0
    tokens: int = 0
    unknown: int = 0

    def count(self, tokens: Tokens, *, is_cut: bool) -> None:
        """Adds a text that was taken; symbols are not counted."""
        self.taken += 1
        self.cut += is_cut
        self.tokens += len(tokens)
        self.unknown += tokens.count(UNKNOWN)

    def __str__(self) -> str:
        return (
            f"{self.part}: {self.taken:,} texts, {self.tokens:,} tokens, "
            f"{self.unknown / max(self.tokens, 1):.2%} unknown"
            + (f"; {self.cut:,} long texts {self.cut_to}" if self.cut else "")
            + (f"; {self.empty:,} empty lines left out" if self.empty else "")
        )


def learn_tokenizer(
    spec: Spec, lines: int, folder: Path, report: Report, symbols: tuple[str, ...] = NAMES
) -> None:
    """Learns a tokenizer from the first column of the lines to train on."""
    text = training_text(spec, lines=lines, symbols=symbols)
    train_tokenizer(text, spec.data.tokenizer, report).save(folder / "source")


def tokenised(task: Task, part: str, tokenizers: Path) -> Iterator[list[tuple[Row, Tokens]]]:
    """Yields the lines of a part with the tokens of their texts, many at a time."""
    for piece, (texts,) in tokenised_pieces(task.rows(part), lambda row: row[:1], tokenizers):
        yield list(zip(piece, texts.lists(), strict=True))


class CutTexts(Task):
    """The text of a task whose long texts are cut into pieces, each an example."""

    @abstractmethod
    def cut(self, tokens: Tokens) -> list[Tokens]:
        """Returns the pieces of a line."""

    def write_pieces(
        self,
        part: str,
        tokenizers: Path,
        longest: int,
        add: Callable[[Sequence[Tokens]], None],
    ) -> str:
        """Cuts texts and adds the pieces; empty lines are left out -> what became of them."""
        tally = TextTally(part=part, cut_to=f"cut into pieces of {longest:,} tokens")
        for several in tokenised(self, part, tokenizers):
            pieces: list[Tokens] = []
            for _, tokens in several:
                if not tokens:
                    tally.empty += 1
                    continue
                of_text = self.cut(tokens)
                tally.count(tokens, is_cut=len(of_text) > 1)
                pieces += of_text
            add(pieces)
        refuse_nothing(tally)
        return str(tally)


def refuse_nothing(tally: TextTally) -> None:
    """Raise a UserError if no text is left."""
    if not tally.taken:
        raise UserError(
            f"data.{tally.part} has no text left: {tally.empty:,} empty lines",
            help="look at the files",
        )


def slices(tokens: Tokens, longest: int) -> list[Tokens]:
    """Cuts tokens into pieces, one after the other, nothing lost."""
    return [tokens[start : start + longest] for start in range(0, len(tokens), longest)]
