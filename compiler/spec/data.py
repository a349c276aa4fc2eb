"""The text: `data:` of a spec."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from compiler.spec.base import Count, Portion, Section, Whole, setting
from compiler.spec.tokenizer import SentencePieceTokenizer, Tokenizer, without_places


def _texts(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("texts", "a list of texts")
    return value


Text = Annotated[str, Field(min_length=1)]
Paths = Text | Annotated[list[Text], Field(min_length=1), BeforeValidator(_texts)]


class ParallelFiles(Section):
    """Two files, or lists or globs of files, line by line translations; packed or not."""

    source: Paths = setting(
        "files of the source language", examples=["train.en", ["a.en.gz", "b.en.gz"]]
    )
    target: Paths = setting("files of the target language", examples=["train.de"])
    references: list[Paths] | None = setting(
        "further translations of the same lines, each as `target`: scores take all of them",
        default=None,
        examples=[["test.b.de", "test.c.de"]],
    )


class TabSeparated(Section):
    """Files whose lines hold both languages in columns between tabs; packed or not."""

    tsv: Paths = setting("files with one pair a line", examples=["pairs.tsv.gz"])
    source_column: Whole = setting(
        "column of the source, counted from 0", default=0, unit="column", examples=[0]
    )
    target_column: Whole = setting(
        "column of the target, counted from 0", default=1, unit="column", examples=[1]
    )
    reference_columns: list[Whole] | None = setting(
        "columns of further translations, counted from 0: scores take all of them",
        default=None,
        examples=[[2, 3]],
    )


class TextFiles(Section):
    """Files of one language, a text a line; packed (`.gz`, `.xz`, `.bz2`) or not."""

    text: Paths = setting("files with one text a line", examples=["train.en"])


class RunningText(Section):
    """Files of one language whose text runs on, for language models; packed or not.

    Line breaks stay in the text. The documents follow each other with a boundary between them, and
    the whole is cut into windows of `data.max_length` tokens, wherever these end.
    """

    text: Paths = setting("files of text", examples=["input.txt"])
    running: Literal[True] = setting("the text runs on from line to line", examples=[True])
    separator: Literal["file", "blank_line", "line"] = setting(
        "what ends a document: the end of its file, a blank line, or the end of a line; it is no "
        "part of the document",
        default="file",
    )
    part: Annotated[list[Portion], Field(min_length=2, max_length=2)] | None = setting(
        "the part of one file that is read, from and to, in shares of its characters; by default "
        "all",
        default=None,
        unit="share",
        examples=[[0.0, 0.9]],
    )
    shifted: bool = setting(
        "windows begin elsewhere in each epoch: the first has fewer tokens, as drawn from seed and "
        "epoch",
        default=False,
    )


class LabelledFiles(Section):
    """Two files, or lists or globs of files, line by line a text and its label."""

    text: Paths = setting("files with one text a line", examples=["train.txt"])
    label: Paths = setting("files with the label of each text", examples=["train.label"])


class LabelledColumns(Section):
    """Files whose lines hold a text and its label in columns between tabs.

    `{tsv: ...}` alone means the columns 0 and 1.
    """

    tsv: Paths = setting("files with one text a line", examples=["train.tsv"])
    text_column: Whole = setting("column of the text, counted from 0", unit="column", examples=[0])
    label_column: Whole = setting(
        "column of the label, counted from 0", unit="column", examples=[1]
    )


OF_RUNNING_TEXT = {"running", "separator", "part", "shifted"}
"""The keys that running text alone has."""

_FORMS: dict[str, tuple[type[Section], set[str]]] = {
    "labelled_tsv": (LabelledColumns, {"text_column", "label_column"}),
    "tsv": (TabSeparated, {"tsv"}),
    "labelled": (LabelledFiles, {"label"}),
    "running": (RunningText, OF_RUNNING_TEXT),
    "text": (TextFiles, {"text"}),
}
"""The class of each form of a corpus, and the keys any of which implies the form."""


def _form(value: object) -> str:
    written = set(value) if isinstance(value, dict) else set()
    for form, (section, keys) in _FORMS.items():
        if isinstance(value, section) or keys & written:
            return form
    return "parallel"


PLACES = ("source", "target", "references", "tsv", "text", "label")
"""The keys of a corpus that name files."""

Corpus = Annotated[
    Annotated[ParallelFiles, Tag("parallel")]
    | Annotated[TabSeparated, Tag("tsv")]
    | Annotated[TextFiles, Tag("text")]
    | Annotated[RunningText, Tag("running")]
    | Annotated[LabelledFiles, Tag("labelled")]
    | Annotated[LabelledColumns, Tag("labelled_tsv")],
    Discriminator(_form),
]


def labelled(corpus: Corpus) -> Corpus:
    """Returns columns of texts and labels for `{tsv: ...}` alone, and any other text as it is."""
    if isinstance(corpus, TabSeparated) and corpus.model_fields_set == {"tsv"}:
        return LabelledColumns(tsv=corpus.tsv, text_column=0, label_column=1)
    return corpus


class Data(Section):
    """The places of the text, and how it becomes tokens."""

    folder: str = setting("what the paths below start from", default=".", examples=["data/wmt14"])
    train: Corpus = setting("text to learn from")
    valid: Corpus = setting("text to choose by: checkpoints, settings, the end of training")
    test: Corpus | None = setting("text for the score at the end", default=None)
    tests: dict[str, Corpus] | None = setting(
        "further texts for scores at the end, by their names",
        default=None,
        examples=[{"newstest2013": {"source": "2013.en", "target": "2013.de"}}],
    )
    tokenizer: Tokenizer = setting(
        "how text becomes tokens", default=SentencePieceTokenizer(kind="sentencepiece")
    )
    max_length: Count = setting(
        "tokens of a text, symbols included; longer training pairs are left out, other texts cut; "
        "of running text, the tokens of a window",
        default=256,
        unit="tokens",
        examples=[256],
    )

    @property
    def test_sets(self) -> dict[str, Corpus]:
        """The texts for scores by their names: `test`, then those of `tests`."""
        return ({"test": self.test} if self.test else {}) | (self.tests or {})

    @property
    def corpora(self) -> dict[str, Corpus]:
        """All texts by their names: `train`, `valid` and the test sets."""
        return {"train": self.train, "valid": self.valid} | self.test_sets

    def without_places(self) -> dict[str, object]:
        """All settings but the places of files: names of texts, columns, tokenizer, lengths."""
        corpora = {
            name: corpus.model_dump(exclude=set(PLACES)) for name, corpus in self.corpora.items()
        }
        tokenizer = without_places(self.tokenizer)
        return {"corpora": corpora, "tokenizer": tokenizer, "max_length": self.max_length}


def corpus_path(name: str) -> tuple[str, ...]:
    """The path in a spec of the text of this name."""
    is_own_key = name in ("train", "valid", "test")
    return ("data", name) if is_own_key else ("data", "tests", name)


def sides_of(corpus: Corpus) -> tuple[str, str]:
    """The two keys of a pair, such as `source` and `target`; empty where texts stand alone."""
    match corpus:
        case ParallelFiles():
            return "source", "target"
        case TabSeparated():
            return "source_column", "target_column"
        case LabelledFiles():
            return "text", "label"
        case LabelledColumns():
            return "text_column", "label_column"
        case _:
            return "", ""
