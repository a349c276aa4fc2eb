"""The text: `data:` of a spec."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from compiler.spec.section import Count, Section, Whole


def _texts(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("texts", "a list of texts")
    return value


Text = Annotated[str, Field(min_length=1)]
Paths = Text | Annotated[list[Text], Field(min_length=1), BeforeValidator(_texts)]


class ParallelFiles(Section):
    """Two files, or lists or globs of files, line by line translations; `.gz` is unpacked."""

    source: Paths = Field(description="files of the source language")
    target: Paths = Field(description="files of the target language")


class TabSeparated(Section):
    """Files whose lines hold both languages in columns between tabs; `.gz` is unpacked."""

    tsv: Paths = Field(description="files with one pair a line")
    source_column: Whole = Field(default=0, description="column of the source, counted from 0")
    target_column: Whole = Field(default=1, description="column of the target, counted from 0")


def _form(value: object) -> str:
    tabbed = isinstance(value, TabSeparated) or (isinstance(value, dict) and "tsv" in value)
    return "tsv" if tabbed else "parallel"


Corpus = Annotated[
    Annotated[ParallelFiles, Tag("parallel")] | Annotated[TabSeparated, Tag("tsv")],
    Discriminator(_form),
]


class SentencePieceTokenizer(Section):
    """Subwords learned from the training text (Kudo and Richardson 2018)."""

    kind: Literal["sentencepiece"]
    model: Literal["bpe", "unigram"] = Field(default="bpe", description="how the pieces are chosen")
    character_coverage: float = Field(
        default=1.0, gt=0.9, le=1.0, description="share of the characters that get a piece"
    )


class SegmentedTokenizer(Section):
    """Segmented text: tokens between spaces, `joiner` at the end of unfinished words."""

    kind: Literal["segmented"]
    joiner: str = Field(
        default="@@", min_length=1, description="mark of a token that the next continues"
    )


Tokenizer = Annotated[SentencePieceTokenizer | SegmentedTokenizer, Field(discriminator="kind")]


class Data(Section):
    """Where the text is and how it becomes tokens."""

    folder: str = Field(default=".", description="what the paths below start from")
    train: Corpus
    valid: Corpus
    test: Corpus
    tokenizer: Tokenizer = Field(default=SentencePieceTokenizer(kind="sentencepiece"))
    max_length: Count = Field(
        default=256,
        description="tokens of a sentence; longer training pairs are left out and counted",
    )
