"""Translation: pairs of sentences, two vocabularies or a shared one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.files import Row
from runtime.data.pairs import Pairs, PairsWriter, load_pairs
from runtime.data.symbols import UNKNOWN
from runtime.data.tasks.task import PIECE, Report, Task, keeps_all, longest_sentence
from runtime.data.text import training_text
from runtime.data.tokenizers.tokenizer import (
    Tokenizer,
    load_tokenizers,
    save_tokenizers,
    train_tokenizer,
)
from runtime.errors import UserError

TokenPair = tuple[list[int], list[int]]


class Translation(Task):
    """Reads pairs of lines."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        save_tokenizers(*train_tokenizers(self.spec, lines, report), folder)

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        tally = Tally(part=part, longest=longest_sentence(self.spec))
        sides = load_tokenizers(tokenizers)
        lines = self.rows(part)
        with PairsWriter.open(folder) as writer:
            while piece := list(islice(lines, PIECE)):
                chosen = tally.select(_tokenise(piece, sides))
                tally.count(chosen)
                writer.add([source for source, _ in chosen], [target for _, target in chosen])
        if not tally.taken:
            raise UserError(
                f"data.{part} has no pair left: {tally.left_out}",
                help="raise data.max_length, or look at the files",
            )
        return str(tally)

    def load(self, folder: Path) -> Pairs:
        return load_pairs(folder)


@dataclass(slots=True, kw_only=True)
class Tally:
    """A count of the pairs of a corpus, and of what was done with them."""

    part: str
    longest: int
    taken: int = 0
    empty: int = 0
    long: int = 0
    source_tokens: int = 0
    target_tokens: int = 0
    unknown: int = 0

    def select(self, pairs: Iterable[TokenPair]) -> list[TokenPair]:
        """Returns the pairs that have two sides of a fair length. The test set keeps them all."""
        chosen = []
        for source, target in pairs:
            if keeps_all(self.part):
                chosen.append((source, target))
            elif not source or not target:
                self.empty += 1
            elif max(len(source), len(target)) >= self.longest:
                self.long += 1
            else:
                chosen.append((source, target))
        return chosen

    def count(self, pairs: Iterable[TokenPair]) -> None:
        """Adds pairs that were taken; END is not counted."""
        for source, target in pairs:
            self.taken += 1
            self.source_tokens += len(source)
            self.target_tokens += len(target)
            self.unknown += source.count(UNKNOWN) + target.count(UNKNOWN)

    def __str__(self) -> str:
        tokens = self.source_tokens + self.target_tokens
        return (
            f"{self.part}: {self.taken:,} pairs, {self.source_tokens:,} source and "
            f"{self.target_tokens:,} target tokens, {self.unknown / max(tokens, 1):.2%} unknown"
            + (f"; left out: {self.left_out}" if self.empty + self.long else "")
        )

    @property
    def left_out(self) -> str:
        return (
            f"{self.empty:,} with an empty side, {self.long:,} longer than {self.longest:,} tokens"
        )


def train_tokenizers(spec: Spec, pairs: int, report: Report) -> tuple[Tokenizer, Tokenizer]:
    """Learns the tokenizers of source and target, which are one object if shared."""

    def train(setting: str, *sides: int) -> Tokenizer:
        text = training_text(spec, lines=pairs, setting=setting, sides=sides)
        return train_tokenizer(text, spec.data.tokenizer, report)

    if spec.model.vocabulary.shared:
        shared = train("size", 0, 1)
        return shared, shared
    return train("source", 0), train("target", 1)


def _tokenise(rows: list[Row], tokenizers: tuple[Tokenizer, Tokenizer]) -> Iterator[TokenPair]:
    sides = (
        tokenizer.encode_lines([row[side] for row in rows])
        for side, tokenizer in enumerate(tokenizers)
    )
    return zip(*sides, strict=True)
