"""The tokenizers of a spec: `data.tokenizer`.

Settings that are younger than version 0.3 have None as their default, so that hashes of specs of
former versions stay as they are.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from compiler.spec.base import Positive, Rate, Section, setting

Name = Annotated[str, Field(min_length=1)]


def _without_spaces(text: str) -> str:
    """Requires a mark without spaces: tokens stand between spaces."""
    if any(map(str.isspace, text)):
        raise PydanticCustomError("spaces", "a mark without spaces, such as `@@`")
    return text


class TokenizerSymbols(Section):
    """The tokens of a given vocabulary that are our symbols.

    By default it says so itself, or the files beside it do, or else the usual names, such as
    `[PAD]` or `<pad>`.
    """

    padding: Name | None = setting("the padding", default=None, examples=["[PAD]"])
    unknown: Name | None = setting("an unknown token", default=None, examples=["[UNK]"])
    begin: Name | None = setting("the beginning of a text", default=None, examples=["[CLS]"])
    end: Name | None = setting("the end of a text", default=None, examples=["[SEP]"])
    mask: Name | None = setting("a masked token", default=None, examples=["[MASK]"])


class TokenizerSection(Section):
    """Settings of a kind of tokenizer."""

    LEARNED: ClassVar[tuple[str, ...]] = ()
    """The settings of a tokenizer that is learned, which mean nothing beside a file."""
    GIVEN: ClassVar[tuple[str, ...]] = ()
    """The settings of one that is read from a file, which mean nothing without one."""

    def rows(self, symbols: int) -> int | None:  # noqa: ARG002
        """Return the rows of a vocabulary with so many symbols, where the kind fixes them."""
        return None


class SentencePieceTokenizer(TokenizerSection):
    """Subwords learned from the training text, or given in a file (Kudo and Richardson 2018)."""

    LEARNED: ClassVar[tuple[str, ...]] = (
        *("model", "character_coverage", "byte_fallback", "normalization", "user_symbols"),
    )
    GIVEN: ClassVar[tuple[str, ...]] = ("symbols",)

    kind: Literal["sentencepiece"]
    model: Literal["bpe", "unigram", "char", "word"] = setting(
        "what the pieces are: merges of pairs (Sennrich et al. 2016), the likeliest ones (Kudo "
        "2018), characters, or words",
        default="bpe",
    )
    character_coverage: float = setting(
        "share of the characters that get a piece",
        default=1.0,
        ge=0.98,
        le=1.0,
        unit="share",
        examples=[0.9995],
    )
    byte_fallback: bool | None = setting(
        "a character without a piece becomes its bytes, which take 256 rows; by default it is "
        "unknown",
        default=None,
    )
    normalization: Literal["nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf", "identity"] | None = (
        setting(
            "how text is normalised, `_cf` with case folding; `identity` leaves it, spaces "
            "included, as it is; by default `nmt_nfkc`",
            default=None,
        )
    )
    user_symbols: list[Name] | None = setting(
        "texts that are one piece wherever they stand",
        default=None,
        examples=[["<2de>", "<2fr>"]],
    )
    file: Name | None = setting(
        "a model that is trained already, instead of learning one; the path starts from "
        "`data.folder`",
        default=None,
        examples=["spm.model"],
    )
    symbols: TokenizerSymbols | None = setting(
        "the pieces of the file that are padding, unknown, begin, end and mask; by default as it "
        "says itself",
        default=None,
        examples=[{"begin": "<pad>", "end": "</s>"}],
    )
    dropout: Rate | None = setting(
        "probability with which each merge of `bpe` is left out while training texts are cut, "
        "anew in each epoch (Provilkov et al. 2020); by default none is",
        default=None,
        unit="probability",
        examples=[0.1],
    )
    sampling: Positive | None = setting(
        "training texts are cut anew in each epoch by a draw among all segmentations of `unigram`, "
        "with their likelihoods to this power (Kudo 2018, alpha); by default they are not",
        default=None,
        examples=[0.2],
    )


class SegmentedTokenizer(TokenizerSection):
    """Segmented text: tokens between spaces, `joiner` at the end of unfinished words."""

    kind: Literal["segmented"]
    joiner: Annotated[str, AfterValidator(_without_spaces)] = setting(
        "mark of a token that the next continues", default="@@", min_length=1, examples=["@@"]
    )


class LibraryTokenizer(TokenizerSection):
    """A tokenizer of Hugging Face's library `tokenizers`, from its files or learned."""

    LEARNED: ClassVar[tuple[str, ...]] = ("model",)
    GIVEN: ClassVar[tuple[str, ...]] = ("merges", "symbols")

    kind: Literal["tokenizers"]
    model: Literal["byte_level_bpe", "wordpiece"] | None = setting(
        "what is learned from the training text: merges of bytes (Radford et al. 2019), which are "
        "every text, or the parts of words of BERT (Devlin et al. 2019)",
        default=None,
    )
    file: Name | None = setting(
        "a tokenizer.json, a vocab.txt of WordPiece, or a vocab.json with `merges`; the path "
        "starts from `data.folder`; instead of `model`",
        default=None,
        examples=["tokenizer.json"],
    )
    merges: Name | None = setting(
        "the merges of a byte-level BPE whose vocabulary is a vocab.json",
        default=None,
        examples=["merges.txt"],
    )
    symbols: TokenizerSymbols | None = setting(
        "the tokens of the file that are padding, unknown, begin, end and mask; by default as the "
        "files beside it say",
        default=None,
        examples=[{"begin": "[CLS]", "end": "[SEP]"}],
    )


class CharacterTokenizer(TokenizerSection):
    """A row for each character of the training text; text of these characters is kept as it is."""

    kind: Literal["characters"]


BYTES = 256


class ByteTokenizer(TokenizerSection):
    """The bytes of UTF-8 (Xue et al. 2022): 256 rows and the symbols, and every text is kept."""

    kind: Literal["bytes"]

    def rows(self, symbols: int) -> int | None:
        return BYTES + symbols


Tokenizer = Annotated[
    SentencePieceTokenizer
    | SegmentedTokenizer
    | LibraryTokenizer
    | CharacterTokenizer
    | ByteTokenizer,
    Field(discriminator="kind"),
]

FILES = ("file", "merges")
"""The keys of a tokenizer that name files."""

REGULARISATION = {"dropout": "bpe", "sampling": "unigram"}
"""The keys of a tokenizer by which training texts are cut anew in each epoch, and their models."""


def settings_of_tokens(tokenizer: Section) -> dict[str, Any]:
    """Return the settings that prepared tokens depend on, without files and those of a training."""
    return tokenizer.model_dump(exclude={*FILES, *REGULARISATION}, exclude_none=True)


def without_places(tokenizer: Section) -> dict[str, Any]:
    """Return the settings of a tokenizer but for the places of its files."""
    return tokenizer.model_dump(exclude=set(FILES), exclude_none=True)
