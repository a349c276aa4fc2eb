"""Language models: each line is a text, of which every token is predicted from those before it."""

from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.sentences import SentencesWriter, load_sentences
from runtime.data.symbols import END
from runtime.data.tasks.task import Report, longest_sentence
from runtime.data.tasks.texts import TextTally, learn_tokenizer, slices, tokenised, write_pieces
from runtime.data.texts import Documents
from runtime.data.tokenizer import copy_tokenizers


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Reads texts; the pieces of a long one follow each other without a new beginning."""

    spec: Spec

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        learn_tokenizer(self.spec, lines, folder, report)

    def adopt(self, tokenizers: Path, folder: Path) -> None:
        copy_tokenizers(tokenizers, folder)

    def cut(self, tokens: list[int]) -> list[list[int]]:
        """The pieces of a line, each an example."""
        return slices([*tokens, END], longest_sentence(self.spec))

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        longest = longest_sentence(self.spec)
        folder.mkdir()
        with SentencesWriter.open(folder, "text") as writer:
            return write_pieces(
                tokenised(self.spec, part, tokenizers),
                TextTally(part=part, cut_to=f"cut into pieces of {longest:,} tokens"),
                self.cut,
                writer.add,
            )

    def load(self, folder: Path) -> Documents:
        return Documents(pieces=load_sentences(folder, "text"))
