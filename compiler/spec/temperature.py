"""`temperature:` of an attention: factors on scores by the position or the length of a text."""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.base import Count, Positive, Section, Whole, setting


class PositionTemperature(Section):
    """Scores at position i times 1 + scale * log(1 + floor((i + offset) / length)) (Llama 4)."""

    kind: Literal["position"]
    scale: Positive = setting("growth with the logarithm", default=0.1, examples=[0.1])
    length: Count = setting(
        "positions that have the same factor; the first ones have 1",
        unit="positions",
        examples=[8192],
    )
    offset: Whole = setting(
        "the number of the first position: 0 (Ministral 3) or 1 (Llama 4)",
        default=0,
        unit="positions",
        examples=[1],
    )


class LogarithmTemperature(Section):
    """Scores times log(n) / log(length) for n positions (Chiang and Cholak 2022; Su 2021).

    In a decoder n counts the positions up to the query's, in an encoder those of the text.
    """

    kind: Literal["logarithm"]
    length: Annotated[int, Field(ge=2, le=2**31 - 1)] = setting(
        "positions at which the factor is 1, such as the length of texts in training",
        unit="positions",
        examples=[512],
    )


Temperature = PositionTemperature | LogarithmTemperature
