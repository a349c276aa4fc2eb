"""The tokenizers of a spec: `data.tokenizer`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from compiler.spec.base import Section, setting


def _without_spaces(text: str) -> str:
    """Requires a mark without spaces: tokens stand between spaces."""
    if any(map(str.isspace, text)):
        raise PydanticCustomError("spaces", "a mark without spaces, such as `@@`")
    return text


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
    joiner: Annotated[str, AfterValidator(_without_spaces)] = setting(
        "mark of a token that the next continues", default="@@", min_length=1, examples=["@@"]
    )


Tokenizer = Annotated[SentencePieceTokenizer | SegmentedTokenizer, Field(discriminator="kind")]
