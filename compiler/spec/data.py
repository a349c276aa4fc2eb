"""The text: `data:` of a spec."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from compiler.spec.section import Count, Section

Text = Annotated[str, Field(min_length=1)]
Paths = Text | Annotated[list[Text], Field(min_length=1)]


class ParallelFiles(Section):
    """Two files, or lists or globs of files, line by line translations; `.gz` is unpacked."""

    source: Paths = Field(description="files of the source language")
    target: Paths = Field(description="files of the target language")


class TabSeparated(Section):
    """Files whose lines hold both languages in columns between tabs; `.gz` is unpacked."""

    tsv: Paths = Field(description="files with one pair a line")
    source_column: int = Field(default=0, ge=0, description="column of the source, counted from 0")
    target_column: int = Field(default=1, ge=0, description="column of the target, counted from 0")


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
