"""Translation: pairs of sentences, two vocabularies or a shared one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.spec.spec import Spec
from runtime.data.pairs import Pairs, PairsWriter, load_pairs
from runtime.data.sentences import Sentences
from runtime.data.symbols import UNKNOWN
from runtime.data.tasks.task import Report, Task, keeps_all, longest_sentence
from runtime.data.text import training_text
from runtime.data.tokenising import tokenised_pieces
from runtime.data.tokenizers.tokenizer import (
    Tokenizer,
    save_tokenizers,
    train_tokenizer,
)
from runtime.errors import UserError


class Translation(Task):
    """Reads pairs of lines."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        save_tokenizers(*train_tokenizers(self.spec, lines, report), folder)

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        tally = Tally(part=part, longest=longest_sentence(self.spec))
        with PairsWriter.open(folder) as writer:
            for _, sides in tokenised_pieces(self.rows(part), lambda row: row[:2], tokenizers):
                sources, targets = tally.select(*sides)
                tally.count(sources, targets)
                writer.add(sources, targets)
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

    def select(self, sources: Sentences, targets: Sentences) -> tuple[Sentences, Sentences]:
        """Returns the pairs that have two sides of a fair length. The test set keeps them all."""
        if keeps_all(self.part):
            return sources, targets
        shorter = np.minimum(sources.lengths, targets.lengths)
        is_long = (np.maximum(sources.lengths, targets.lengths) >= self.longest) & (shorter > 0)
        self.empty += int(np.count_nonzero(shorter == 0))
        self.long += int(np.count_nonzero(is_long))
        is_chosen = (shorter > 0) & ~is_long
        return sources.chosen(is_chosen), targets.chosen(is_chosen)

    def count(self, sources: Sentences, targets: Sentences) -> None:
        """Adds pairs that were taken; END is not counted."""
        self.taken += len(sources)
        self.source_tokens += len(sources.tokens)
        self.target_tokens += len(targets.tokens)
        for side in (sources, targets):
            self.unknown += int(np.count_nonzero(side.tokens == UNKNOWN))

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
