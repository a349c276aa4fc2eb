"""Masked language models: some tokens of each line are guessed from those on both sides."""

from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from compiler.spec.training import Masking
from runtime.data.sentences import SentencesWriter, load_sentences
from runtime.data.symbols import NAMES_WITH_MASK
from runtime.data.tasks.task import Report, longest_between_symbols
from runtime.data.tasks.texts import TextTally, learn_tokenizer, slices, tokenised, write_pieces
from runtime.data.texts import MaskedTexts
from runtime.data.tokenizer import copy_tokenizers


@dataclass(frozen=True, slots=True)
class MaskedLanguageModel:
    """Reads texts; the pieces of a long one are texts of their own."""

    spec: Spec

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        learn_tokenizer(self.spec, lines, folder, report, NAMES_WITH_MASK)

    def adopt(self, tokenizers: Path, folder: Path) -> None:
        copy_tokenizers(tokenizers, folder)

    def cut(self, tokens: list[int]) -> list[list[int]]:
        """The pieces of a line, each an example."""
        return slices(tokens, longest_between_symbols(self.spec))

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        longest = longest_between_symbols(self.spec)
        folder.mkdir()
        with SentencesWriter.open(folder, "text") as writer:
            return write_pieces(
                tokenised(self.spec, part, tokenizers),
                TextTally(part=part, cut_to=f"cut into pieces of {longest:,} tokens"),
                self.cut,
                writer.add_closed,
            )

    def load(self, folder: Path) -> MaskedTexts:
        return MaskedTexts(
            texts=load_sentences(folder, "text"),
            masking=self.spec.training.masking or Masking(),
            vocabulary=self.spec.model.vocabulary.size or len(NAMES_WITH_MASK) + 1,
        )
