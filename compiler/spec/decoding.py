"""The choice of the tokens that a trained model says: `decoding:`, one class for each method."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from compiler.spec.base import (
    MOST_TOKENS,
    Count,
    Hypotheses,
    Length,
    NotNegative,
    Positive,
    Section,
    Share,
    Unused,
    Whole,
    setting,
)
from compiler.spec.data import Text


class Decoding(Section):
    """Settings that every method of decoding has."""

    draws: ClassVar[bool] = False
    """Whether its texts are random, so that they are not compared with references."""

    kind: str
    min_length: Length = setting(
        "tokens of a translation or continuation, at least, where its limits allow as many",
        default=0,
        unit="tokens",
        examples=[5],
    )
    max_extra_length: Length = setting(
        "tokens beyond the length of the source, or after a prompt",
        default=50,
        unit="tokens",
        examples=[50],
    )
    max_length: Annotated[int, Field(ge=1, le=MOST_TOKENS)] | None = setting(
        "tokens of a translation, or of prompt and continuation, in any case",
        default=None,
        unit="tokens",
        examples=[200],
    )
    no_repeat_ngram: Annotated[int, Field(ge=1, le=100)] | None = setting(
        "no sequence of so many tokens occurs twice in a text (Paulus et al. 2018)",
        default=None,
        unit="tokens",
        examples=[3],
    )
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100.0)] | None = setting(
        "divisor of the positive logits of tokens that a text already has, factor of their "
        "negative ones (Keskar et al. 2019); by default none",
        default=None,
        unit="factor",
        examples=[1.2],
    )
    prefix: Text | Annotated[list[Text], Field(min_length=1)] | None = setting(
        "what every translation begins with: a text, or a list of tokens of the vocabulary; "
        "it counts neither in scores nor in lengths",
        default=None,
        examples=["Der", ["▁Der", "▁alte"]],
    )
    ends: Annotated[list[Text], Field(min_length=1)] | None = setting(
        "tokens of the vocabulary that end a text, too: it ends before the first of them, or where "
        "the usual end is chosen",
        default=None,
        examples=[["<|eot_id|>"]],
    )


class BeamSearch(Decoding):
    """Beam search (Vaswani et al. 2017, section 6.1) for translations and continuations."""

    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused(
            key="beam",
            value=1,
            others=("length_penalty", "normalization", "stop"),
            why="greedy search compares no finished hypotheses",
        ),
        Unused(
            key="length_penalty",
            value=0,
            others=("normalization",),
            why="scores are divided by 1",
        ),
    )

    kind: Literal["beam"] = "beam"
    beam: Hypotheses = setting(
        "hypotheses a sentence; 1 is greedy search", default=4, unit="hypotheses", examples=[4]
    )
    length_penalty: NotNegative = setting(
        "exponent of the length penalty", default=0.6, unit="exponent", examples=[0.6]
    )
    normalization: Literal["gnmt", "length"] = setting(
        "divisor of scores: ((5 + length) / 6)^penalty (GNMT), or length^penalty", default="gnmt"
    )
    stop: Literal["beam", "certain"] = setting(
        "a search ends once `beam` hypotheses are finished, or when none can become better",
        default="beam",
    )


class Sampling(Decoding):
    """Tokens drawn by their probabilities: a function of the seed and the line of the prompt."""

    draws: ClassVar[bool] = True
    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused(
            key="top_k",
            value=1,
            others=("temperature", "top_p", "seed"),
            why="the likeliest token is the only choice",
        ),
    )

    kind: Literal["sample"] = "sample"
    temperature: Positive = setting(
        "divisor of the logits: below 1 likely tokens become likelier still",
        default=1.0,
        unit="factor",
        examples=[0.8],
    )
    top_k: Count | None = setting(
        "draw among so many of the likeliest tokens", default=None, unit="tokens", examples=[50]
    )
    top_p: Share = setting(
        "draw among the likeliest tokens that have this share of the probability (Holtzman et al. "
        "2020)",
        default=1.0,
        unit="share",
        examples=[0.9],
    )
    seed: Whole = setting("of the draws", default=1, examples=[1])


DECODINGS: dict[str, type[Decoding]] = {"beam": BeamSearch, "sample": Sampling}
"""The methods by their `kind`, the usual one first; `runtime.inference.methods` has them, too."""


def decoding_kind(keys: set[str], usual: str = "beam") -> str:
    """Return the kind that keys of `decoding:` stand for: the usual one, or the first with all."""
    known = {key for key in keys if any(key in each.model_fields for each in DECODINGS.values())}
    kinds = (usual, *DECODINGS)
    return next((each for each in kinds if known <= DECODINGS[each].model_fields.keys()), usual)


def other_decoding(decoding: Decoding, kind: str, **changes: object) -> Decoding:
    """Return a decoding of a kind with the settings that another has in common with it.

    Raises pydantic's ValidationError for changes that are wrong.
    """
    other = DECODINGS[kind]
    common = {key: value for key, value in decoding if key in other.model_fields and key != "kind"}
    return other.model_validate(common | changes)
