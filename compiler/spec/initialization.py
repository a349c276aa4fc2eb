"""Distributions that weights start from: `initialization:` of a network."""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.base import (
    Positive,
    Section,
    setting,
)


class XavierInitialization(Section):
    """Matrices Xavier-uniform (Glorot and Bengio 2010); embeddings deviate by d_model^-0.5."""

    kind: Literal["xavier"]
    gain: Positive = setting(
        "factor on the bounds of the matrices", default=1.0, unit="factor", examples=[0.7]
    )


class FairseqInitialization(Section):
    """Xavier-uniform, gain 1/sqrt(2) for query, key, value; embeddings deviate by d_model^-0.5."""

    kind: Literal["fairseq"]


class NormalInitialization(Section):
    """Matrices and embeddings normal with one deviation."""

    kind: Literal["normal"]
    std: Positive = setting("standard deviation", default=0.02, examples=[0.02])


class ScaledInitialization(Section):
    """Normal with one deviation, smaller for what is added to the residual stream (GPT-2; Radford
    et al. 2019, section 2.3): the matrices `output` of attention and feed-forward networks have it
    divided by the root of the number of additions in their stack, one for each sub-layer.
    """

    kind: Literal["scaled"]
    std: Positive = setting("standard deviation", default=0.02, examples=[0.02])


Initialization = Annotated[
    XavierInitialization | FairseqInitialization | NormalInitialization | ScaledInitialization,
    Field(discriminator="kind"),
]
