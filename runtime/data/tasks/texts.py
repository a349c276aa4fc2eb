"""What the tasks of one text share: one vocabulary, lines that are cut where they are too long."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.files import Row
from runtime.data.symbols import NAMES, UNKNOWN
from runtime.data.tasks.task import PIECE, Report, read_part
from runtime.data.text import training_text
from runtime.data.tokenizer import load_tokenizers, train_tokenizer
from runtime.errors import UserError

Tokens = list[int]


@dataclass(slots=True, kw_only=True)
class TextTally:
    """What became of the texts of a corpus."""

    part: str
    cut_to: str
    """What a long text becomes, in words."""
    kept: int = 0
    empty: int = 0
    cut: int = 0
    tokens: int = 0
    unknown: int = 0

    def count(self, tokens: Tokens, *, is_cut: bool) -> None:
        """Adds a text that was kept; symbols are not counted."""
        self.kept += 1
        self.cut += is_cut
        self.tokens += len(tokens)
        self.unknown += tokens.count(UNKNOWN)

    def __str__(self) -> str:
        return (
            f"{self.part}: {self.kept:,} texts, {self.tokens:,} tokens, "
            f"{self.unknown / max(self.tokens, 1):.2%} unknown"
            + (f"; {self.cut:,} long texts {self.cut_to}" if self.cut else "")
            + (f"; {self.empty:,} empty lines left out" if self.empty else "")
        )


def learn_tokenizer(
    spec: Spec, lines: int, folder: Path, report: Report, symbols: tuple[str, ...] = NAMES
) -> None:
    """The tokenizer of the first column of the lines to train on."""
    text = training_text(spec, lines=lines, symbols=symbols)
    train_tokenizer(text, spec.data.tokenizer, report).save(folder / "source")


def tokenised(spec: Spec, part: str, tokenizers: Path) -> Iterator[list[tuple[Row, Tokens]]]:
    """The lines of a part with the tokens of their texts, many at a time."""
    lines, (tokenizer, _) = read_part(spec, part), load_tokenizers(tokenizers)
    while piece := list(islice(lines, PIECE)):
        tokens = tokenizer.encode_lines([row[0] for row in piece])
        yield list(zip(piece, tokens, strict=True))


def write_pieces(
    texts: Iterator[list[tuple[Row, Tokens]]],
    tally: TextTally,
    cut: Callable[[Tokens], Sequence[Tokens]],
    add: Callable[[Sequence[Tokens]], None],
) -> str:
    """Cuts texts and adds the pieces; empty lines are left out -> what became of them."""
    for several in texts:
        pieces: list[Tokens] = []
        for _, tokens in several:
            if not tokens:
                tally.empty += 1
                continue
            of_text = cut(tokens)
            tally.count(tokens, is_cut=len(of_text) > 1)
            pieces += of_text
        add(pieces)
    refuse_nothing(tally)
    return str(tally)


def refuse_nothing(tally: TextTally) -> None:
    if not tally.kept:
        raise UserError(
            f"data.{tally.part} has no text left: {tally.empty:,} empty lines",
            help="look at the files",
        )


def slices(tokens: Tokens, longest: int) -> list[Tokens]:
    """One after the other, nothing lost."""
    return [tokens[start : start + longest] for start in range(0, len(tokens), longest)]
