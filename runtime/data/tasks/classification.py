"""Classification: each line is a text with one of the labels that the training text has."""

from pathlib import Path

import numpy as np

from runtime.data.files import Row, place_of_row
from runtime.data.sentences import PLACE, SentencesWriter, damaged, load_sentences
from runtime.data.tasks.task import Report, Task, keeps_all, longest_between_symbols
from runtime.data.tasks.texts import (
    TextTally,
    Tokens,
    learn_tokenizer,
    refuse_nothing,
    tokenised,
)
from runtime.data.texts import LabelledTexts
from runtime.errors import UserError

LABELS = "labels.txt"
MOST_NAMED = 10


class Classification(Task):
    """Reads texts and labels; of a long text the beginning."""

    def learn(self, lines: int, folder: Path, report: Report) -> None:
        labels = self._learn_labels()  # before the slow work begins
        learn_tokenizer(self.spec, lines, folder, report)
        write_labels(labels, folder)

    def adopt(self, tokenizers: Path, folder: Path) -> None:
        labels = self._learn_labels()
        super().adopt(tokenizers, folder)
        write_labels(labels, folder)

    def write(self, part: str, tokenizers: Path, folder: Path) -> str:
        longest = longest_between_symbols(self.spec)
        numbers = self.numbers(part, read_labels(tokenizers))
        tally = TextTally(part=part, cut_to=f"cut to their first {longest:,} tokens")
        labels: list[int] = []
        folder.mkdir()
        with SentencesWriter.open(folder, "text") as writer:
            for several in tokenised(self, part, tokenizers):
                first = tally.taken + tally.empty
                kept = [
                    (tokens, numbers[first + index])
                    for index, (_, tokens) in enumerate(several)
                    if self._is_kept(part, tokens, tally, longest)
                ]
                writer.add_closed([tokens[:longest] for tokens, _ in kept])
                labels += [number for _, number in kept]
        refuse_nothing(tally)
        np.array(labels, dtype=PLACE).tofile(folder / "labels")
        return str(tally)

    def load(self, folder: Path) -> LabelledTexts:
        texts = load_sentences(folder, "text")
        try:
            labels = np.fromfile(folder / "labels", PLACE)
        except FileNotFoundError as error:
            raise damaged(folder) from error
        if len(labels) != len(texts):
            raise damaged(folder)
        return LabelledTexts(texts=texts, labels=labels)

    def _learn_labels(self) -> list[str]:
        """Returns the labels of the training text in alphabetical order.

        Raises a UserError if there is but one or they are not as many as the classes, or if a text
        to validate or to test with has another one.
        """
        rows = enumerate(self.rows("train"))
        labels = sorted({self._label(row, number) for number, row in rows})
        if len(labels) < 2:
            raise UserError(
                f"data.train has only one label, {_named(labels)}: there is nothing to learn",
                help="look at the labels: a classifier is learned from texts of two or more",
            )
        classifier = self.spec.model.classifier
        if classifier and len(labels) != classifier.classes:
            raise UserError(
                f"model.classifier.classes is {classifier.classes}, but data.train has "
                f"{len(labels):,} labels: {_named(labels)}",
                help=f"set model.classifier.classes to {len(labels)}, or look at the labels"
                + _alike(labels),
            )
        for part in self.spec.data.corpora.keys() - {"train"}:
            self.numbers(part, labels)
        return labels

    def _label(self, row: Row, number: int) -> str:
        if not row[1]:
            raise UserError(
                f"{self._place('train', number)}: a text without a label",
                help="each text has one label, which is a word or more",
            )
        return row[1]

    def numbers(self, part: str, labels: list[str]) -> list[int]:
        """Returns the number of each line's label. Raises a UserError for one never trained on."""
        known = {label: number for number, label in enumerate(labels)}
        numbers = []
        for number, row in enumerate(self.rows(part)):
            if row[1] not in known:
                raise UserError(
                    f"{self._place(part, number)}: the label {row[1]!r} is not in data.train, "
                    f"which has {_named(labels)}",
                    help="a label that is never trained on can never be right: remove the text, "
                    "or add such texts to data.train",
                )
            numbers.append(known[row[1]])
        return numbers

    def _place(self, part: str, row: int) -> str:
        return place_of_row(self.spec.data.corpora[part], self.spec.data.folder, row)

    def _is_kept(self, part: str, tokens: Tokens, tally: TextTally, longest: int) -> bool:
        """Returns whether there is something to learn from; the test set keeps all."""
        if not tokens and not keeps_all(part):
            tally.empty += 1
            return False
        tally.count(tokens, is_cut=len(tokens) > longest)
        return True


def write_labels(labels: list[str], folder: Path) -> None:
    """Writes labels beside a tokenizer, as `read_labels` reads them."""
    (folder / LABELS).write_text("".join(f"{each}\n" for each in labels), encoding="utf-8")


def read_labels(folder: Path) -> list[str]:
    """Reads the labels beside a tokenizer, in the order of their numbers."""
    return (folder / LABELS).read_text(encoding="utf-8").split("\n")[:-1]


def _named(labels: list[str]) -> str:
    rest = f" and {len(labels) - MOST_NAMED:,} more" if len(labels) > MOST_NAMED else ""
    return ", ".join(map(repr, labels[:MOST_NAMED])) + rest


def _alike(labels: list[str]) -> str:
    """Names two labels that differ only in spaces or the case of letters."""
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(label.strip().casefold(), label)
        if other != label:
            return f": {other!r} and {label!r} count as two"
    return ""
