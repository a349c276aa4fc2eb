"""Language models, which predict each token from those before it, and masked ones."""

from pathlib import Path

from compiler.spec.data import RunningText
from compiler.spec.training import MaskedTokens
from runtime.data.files import find_files
from runtime.data.running import read_running
from runtime.data.sentences import SentencesWriter, load_sentences
from runtime.data.symbols import END, NAMES_WITH_MASK, UNKNOWN
from runtime.data.tasks.task import Report, longest_between_symbols, longest_sentence
from runtime.data.tasks.texts import CutTexts, Tokens, learn_tokenizer, slices
from runtime.data.texts import Documents, MaskedTexts, Windows
from runtime.data.tokenising import tokenised_pieces
from runtime.errors import UserError

RUNNING = "running"
"""The name of the files of a text that runs on."""


class LanguageModel(CutTexts):
    """Reads texts; the pieces of a long one follow each other without a new beginning."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        learn_tokenizer(self.spec, lines, folder, report)

    def cut(self, tokens: Tokens) -> list[Tokens]:
        return slices([*tokens, END], longest_sentence(self.spec))

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        folder.mkdir()
        corpus = self.spec.data.corpora[part]
        if isinstance(corpus, RunningText):
            with SentencesWriter.open(folder, RUNNING) as writer:
                return self._write_running(part, corpus, tokenizers, writer)
        with SentencesWriter.open(folder, "text") as writer:
            return self.write_pieces(part, tokenizers, longest_sentence(self.spec), writer.add)

    def load(self, folder: Path) -> Documents:
        if not (folder / f"{RUNNING}.tokens").exists():
            return Documents(pieces=load_sentences(folder, "text"))
        train = self.spec.data.train
        return Windows.of(
            load_sentences(folder, RUNNING).tokens,
            longest_sentence(self.spec),
            is_shifted=isinstance(train, RunningText) and train.shifted,
        )

    def _write_running(
        self, part: str, corpus: RunningText, tokenizers: Path, writer: SentencesWriter
    ) -> str:
        """Write the tokens of running text, END between its documents -> what was written.

        Raises a UserError if there are none.
        """
        lines = read_running(corpus, find_files(corpus.text, self.spec.data.folder))
        documents = tokens = unknown = 0
        for piece, (texts,) in tokenised_pieces(lines, lambda line: (line.text,), tokenizers):
            encoded = texts.lists()
            unknown += sum(each.count(UNKNOWN) for each in encoded)
            tokens += sum(map(len, encoded))
            joined: Tokens = []
            for line, own in zip(piece, encoded, strict=True):
                if line.begins:
                    joined += [END] if documents else []
                    documents += 1
                joined += own
            writer.add([joined])
        if not tokens:
            raise UserError(f"data.{part} has no text left: no token", help="look at the files")
        return (
            f"{part}: running text, {documents:,} document{'s' * (documents > 1)}, {tokens:,} "
            f"tokens, {unknown / max(tokens, 1):.2%} unknown, in windows of "
            f"{longest_sentence(self.spec):,}"
        )


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
