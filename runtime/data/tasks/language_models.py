"""Language models, which predict each token from those before it, and masked ones."""

from pathlib import Path

from compiler.spec.training import MaskedTokens
from runtime.data.sentences import SentencesWriter, load_sentences
from runtime.data.symbols import END, NAMES_WITH_MASK
from runtime.data.tasks.task import Report, longest_between_symbols, longest_sentence
from runtime.data.tasks.texts import CutTexts, Tokens, learn_tokenizer, slices
from runtime.data.texts import Documents, MaskedTexts


class LanguageModel(CutTexts):
    """Reads texts; the pieces of a long one follow each other without a new beginning."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        learn_tokenizer(self.spec, lines, folder, report)

    def cut(self, tokens: Tokens) -> list[Tokens]:
        return slices([*tokens, END], longest_sentence(self.spec))

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        folder.mkdir()
        with SentencesWriter.open(folder, "text") as writer:
            return self.write_pieces(part, tokenizers, longest_sentence(self.spec), writer.add)

    def load(self, folder: Path) -> Documents:
        return Documents(pieces=load_sentences(folder, "text"))


class MaskedLanguageModel(CutTexts):
    """Reads texts, some of whose tokens are guessed; the pieces of a long one are texts, too."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        learn_tokenizer(self.spec, lines, folder, report, NAMES_WITH_MASK)

    def cut(self, tokens: Tokens) -> list[Tokens]:
        return slices(tokens, longest_between_symbols(self.spec))

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        longest = longest_between_symbols(self.spec)
        folder.mkdir()
        with SentencesWriter.open(folder, "text") as writer:
            return self.write_pieces(part, tokenizers, longest, writer.add_closed)

    def load(self, folder: Path) -> MaskedTexts:
        return MaskedTexts(
            texts=load_sentences(folder, "text"),
            masking=self.spec.training.masking or MaskedTokens(),
            vocabulary=self.spec.model.vocabulary.size or len(NAMES_WITH_MASK) + 1,
        )
