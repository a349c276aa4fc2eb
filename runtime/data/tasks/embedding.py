"""Embedding: each line is a pair of texts that belong together."""

from pathlib import Path

from runtime.data.pairs import PairsWriter, load_pairs
from runtime.data.tasks.task import (
    Report,
    Task,
    keeps_all,
    longest_between_symbols,
)
from runtime.data.tasks.texts import TextTally, Tokens, refuse_nothing
from runtime.data.text import training_text
from runtime.data.text_pairs import TextPairs
from runtime.data.tokenising import tokenised_pieces
from runtime.data.tokenizers.tokenizer import train_tokenizer


class Embedding(Task):
    """Reads pairs of texts by one tokenizer; of a long text the beginning."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        text = training_text(self.spec, lines=lines, sides=(0, 1))
        train_tokenizer(text, self.spec.data.tokenizer, report).save(folder / "source")

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        longest = longest_between_symbols(self.spec)
        tally = TextTally(part=part, cut_to=f"cut to their first {longest:,} tokens")
        with PairsWriter.open(folder) as writer:
            for _, sides in tokenised_pieces(self.rows(part), lambda row: row[:2], tokenizers):
                kept = [
                    pair
                    for pair in zip(*(side.lists() for side in sides), strict=True)
                    if self._is_kept(part, pair, tally, longest)
                ]
                writer.add(*([pair[side][:longest] for pair in kept] for side in (0, 1)))
        refuse_nothing(tally)
        return str(tally)

    def load(self, folder: Path) -> TextPairs:
        pairs = load_pairs(folder)
        return TextPairs(sources=pairs.sources, targets=pairs.targets)

    def _is_kept(
        self, part: str, pair: tuple[Tokens, Tokens], tally: TextTally, longest: int
    ) -> bool:
        """Returns whether there are two texts to learn from; the test set keeps all."""
        if not all(pair) and not keeps_all(part):
            tally.empty += 1
            return False
        for tokens in pair:
            tally.count(tokens, is_cut=len(tokens) > longest)
        return True
