"""Distributions that weights start from: `initialization:` of a network."""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.base import (
    Positive,
    Section,
    Width,
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


class MupInitialization(Section):
    """The maximal update parametrisation (Yang et al. 2022, Table 8): with it a rate that is best
    for a narrow network is best for a wide one.

    Embeddings and the output layer are normal with one deviation at every width; the variance of
    hidden matrices falls as d_model grows, and so do their learning rates and the factor on the
    logits. For Adam and optimizers of its kind, and networks of attention and feed-forward
    networks whose other widths (`d_ff`, `heads` times `d_k`) grow with `d_model`.
    """

    kind: Literal["mup"]
    base_width: Width = setting(
        "`d_model` of the network for which the learning rate was found: there matrices start as "
        "with `normal`, and all have one rate",
        unit="numbers",
        examples=[128],
    )
    std: Positive = setting(
        "standard deviation of embeddings and of the output layer, and of hidden matrices at "
        "`base_width`; theirs falls as d_model^-0.5",
        default=0.02,
        examples=[0.02],
    )
    base_d_k: Width | None = setting(
        "`d_k` of that network, with which the factor on scores is base_d_k^0.5 / d_k; by default "
        "it is 1 / d_k (Definition 4.1)",
        default=None,
        unit="numbers",
        examples=[32],
    )

    def scale_of_scores(self, d_k: int) -> float:
        """Return the factor on the products of queries and keys of a width."""
        return float((self.base_d_k or 1) ** 0.5 / d_k)


Initialization = Annotated[
    XavierInitialization
    | FairseqInitialization
    | NormalInitialization
    | ScaledInitialization
    | MupInitialization,
    Field(discriminator="kind"),
]
