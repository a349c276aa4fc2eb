"""The text: `data:` of a spec."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from compiler.spec.section import Count, Section, Whole, setting


def _texts(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("texts", "a list of texts")
    return value


Text = Annotated[str, Field(min_length=1)]
Paths = Text | Annotated[list[Text], Field(min_length=1), BeforeValidator(_texts)]


class ParallelFiles(Section):
    """Two files, or lists or globs of files, line by line translations; `.gz` is unpacked."""

    source: Paths = setting(
        "files of the source language", examples=["train.en", ["a.en.gz", "b.en.gz"]]
    )
    target: Paths = setting("files of the target language", examples=["train.de"])


class TabSeparated(Section):
    """Files whose lines hold both languages in columns between tabs; `.gz` is unpacked."""

    tsv: Paths = setting("files with one pair a line", examples=["pairs.tsv.gz"])
    source_column: Whole = setting(
        "column of the source, counted from 0", default=0, unit="column", examples=[0]
    )
    target_column: Whole = setting(
        "column of the target, counted from 0", default=1, unit="column", examples=[1]
    )


class TextFiles(Section):
    """Files of one language, a text a line; `.gz` is unpacked."""

    text: Paths = setting("files with one text a line", examples=["train.en"])


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


_FORMS: dict[str, tuple[type[Section], set[str]]] = {
    "labelled_tsv": (LabelledColumns, {"text_column", "label_column"}),
    "tsv": (TabSeparated, {"tsv"}),
    "labelled": (LabelledFiles, {"label"}),
    "text": (TextFiles, {"text"}),
}
"""Of a corpus: the keys any of which gives it away."""


def _form(value: object) -> str:
    written = set(value) if isinstance(value, dict) else set()
    for form, (section, keys) in _FORMS.items():
        if isinstance(value, section) or keys & written:
            return form
    return "parallel"


Corpus = Annotated[
    Annotated[ParallelFiles, Tag("parallel")]
    | Annotated[TabSeparated, Tag("tsv")]
    | Annotated[TextFiles, Tag("text")]
    | Annotated[LabelledFiles, Tag("labelled")]
    | Annotated[LabelledColumns, Tag("labelled_tsv")],
    Discriminator(_form),
]

CORPORA: dict[str, tuple[tuple[type[Section], ...], str]] = {
    "translation": ((ParallelFiles, TabSeparated), "pairs: `source` and `target`, or `tsv`"),
    "language_model": ((TextFiles,), "texts: `text`"),
    "masked_language_model": ((TextFiles,), "texts: `text`"),
    "classification": (
        (LabelledFiles, LabelledColumns),
        "labelled texts: `text` and `label`, or `tsv` with `text_column` and `label_column`",
    ),
}
"""What each task is learned from, and this in words."""


class SentencePieceTokenizer(Section):
    """Subwords learned from the training text (Kudo and Richardson 2018)."""

    kind: Literal["sentencepiece"]
    model: Literal["bpe", "unigram"] = setting("how the pieces are chosen", default="bpe")
    character_coverage: float = setting(
        "share of the characters that get a piece",
        default=1.0,
        ge=0.98,
        le=1.0,
        unit="share",
        examples=[0.9995],
    )


class SegmentedTokenizer(Section):
    """Segmented text: tokens between spaces, `joiner` at the end of unfinished words."""

    kind: Literal["segmented"]
    joiner: str = setting(
        "mark of a token that the next continues", default="@@", min_length=1, examples=["@@"]
    )


Tokenizer = Annotated[SentencePieceTokenizer | SegmentedTokenizer, Field(discriminator="kind")]


class Data(Section):
    """Where the text is and how it becomes tokens."""

    folder: str = setting("what the paths below start from", default=".", examples=["data/wmt14"])
    train: Corpus = setting("text to learn from")
    valid: Corpus = setting("text to choose by: checkpoints, settings, the end of training")
    test: Corpus = setting("text for the score at the end")
    tokenizer: Tokenizer = setting(
        "how text becomes tokens", default=SentencePieceTokenizer(kind="sentencepiece")
    )
    max_length: Count = setting(
        "tokens of a text, symbols included; longer training pairs are left out, other texts cut",
        default=256,
        unit="tokens",
        examples=[256],
    )
