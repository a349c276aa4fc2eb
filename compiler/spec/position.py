"""`position:` of a stack or of layers: where a token stands, or how far two are apart.

A kind of position is a class and an entry in one of the unions below. Its base class says where it
works; `lower/embedding.py` and `lower/relative_position.py` say what becomes of it.
"""

from math import log
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from compiler.spec.base import (
    Count,
    Positive,
    Section,
    Share,
    Whole,
    setting,
)


class AddedPosition(Section):
    """A position that is added to the embeddings of a stack."""

    @property
    def is_after_norm(self) -> bool:
        """Return whether the norm of embeddings comes first."""
        return bool(getattr(self, "after_norm", False))


def _after_norm() -> Any:
    return setting(
        "whether it is added to embeddings that `embedding.norm` has normalised already, and not "
        "before that (the decoder of BlenderbotSmall)",
        default=False,
        since="0.3",
    )


class AttentionPosition(Section):
    """A position that attention sees in each layer that has it."""


class BiasPosition(AttentionPosition):
    """A position that is a bias on the scores of attention.

    Its settings are the numbers of the op that `ops/attention_bias.py` has for its kind.
    """


class SinusoidalPosition(AddedPosition):
    """Sines and cosines of the position (section 3.5)."""

    kind: Literal["sinusoidal"]
    layout: Literal["interleaved", "concatenated", "tensor2tensor"] = setting(
        "sine, cosine, sine ... as in the paper; all sines first; or these with wavelengths up to "
        "10000 * 2 pi itself, as tensor2tensor, fairseq and M2M-100 have them",
        default="interleaved",
    )
    offset: Whole = setting(
        "positions before that of the first token (fairseq has 2)",
        default=0,
        unit="positions",
        examples=[2],
    )
    after_norm: bool = _after_norm()


class LearnedPosition(AddedPosition):
    """A learned vector for each position (Gehring et al. 2017; Table 3, row E)."""

    kind: Literal["learned"]
    max_length: Count = setting(
        "positions in the table; longer input is refused",
        default=1024,
        unit="positions",
        examples=[1024],
    )
    offset: Whole = setting(
        "rows of the table before that of the first position", default=0, unit="rows", examples=[2]
    )
    after_norm: bool = _after_norm()


class LinearScaling(Section):
    """Each angle is divided, as if positions stood closer (Chen et al. 2023)."""

    kind: Literal["linear"]
    factor: Positive = setting("divisor of the angles", unit="factor", examples=[8.0])


class Llama3Scaling(Section):
    """Slow angles are divided, fast ones stay, between them it changes evenly (Llama 3.1).

    An angle is fast that goes round four times in `original_length`, slow if it does so but once.
    """

    kind: Literal["llama3"]
    factor: Positive = setting("divisor of slow angles", unit="factor", examples=[8.0])
    original_length: Count = setting(
        "length of the texts before the scaling", unit="positions", examples=[8192]
    )


class YarnScaling(Section):
    """Slow angles are divided, fast ones stay, scores grow with the stretch (Peng et al. 2023).

    An angle stays that goes round `beta_fast` times in `original_length`, and is divided if it does
    so `beta_slow` times; between these two pairs it changes evenly with the number of the pair.
    """

    kind: Literal["yarn"]
    factor: Positive = setting("divisor of slow angles", unit="factor", examples=[4.0])
    original_length: Count = setting(
        "length of the texts before the scaling", unit="positions", examples=[4096]
    )
    beta_fast: Positive = setting(
        "rounds in `original_length` of an angle that stays", default=32.0, examples=[32.0]
    )
    beta_slow: Positive = setting(
        "rounds in `original_length` of an angle that is divided", default=1.0, examples=[1.0]
    )
    truncate: bool = setting(
        "the bounds between fast and slow are whole pairs, that of the fast rounded down and that "
        "of the slow up",
        default=True,
    )
    attention_factor: Positive | None = setting(
        "factor on turned queries and on turned keys; by default 0.1 ln(factor) + 1 (equation 22)",
        default=None,
        unit="factor",
        examples=[1.0],
    )

    @property
    def magnitude(self) -> float:
        """The factor on cosines and sines."""
        return self.attention_factor or yarn_magnitude(self.factor)


def yarn_magnitude(factor: float, share: float = 1.0) -> float:
    """Return the factor on queries and keys for texts that are stretched (Peng et al. 2023)."""
    return 0.1 * share * log(factor) + 1.0 if factor > 1 else 1.0


RopeScaling = LinearScaling | Llama3Scaling | YarnScaling


class RotaryPosition(AttentionPosition):
    """Queries and keys turned by angles that grow with the position (Su et al. 2021)."""

    kind: Literal["rotary"]
    base: Positive = setting(
        "longest wavelength, in units of 2 pi positions", default=10000.0, examples=[500000.0]
    )
    fraction: Share = setting(
        "share of a head's width that is turned", default=1.0, unit="share", examples=[0.25]
    )
    layout: Literal["half", "interleaved"] = setting(
        "a number is turned together with that half a width away, or with its neighbour",
        default="half",
    )
    scaling: RopeScaling | None = setting(
        "smaller angles, for longer texts than a model was trained on at first",
        default=None,
        discriminator="kind",
    )


class AlibiPosition(BiasPosition):
    """Scores fall with the distance, in each head by another slope (Press et al. 2022)."""

    kind: Literal["alibi"]


class RelativePosition(BiasPosition):
    """A learned bias on scores for each bucket of distances and head (Raffel et al. 2020)."""

    kind: Literal["relative"]
    buckets: Count = setting(
        "buckets, half of them for single distances", default=32, unit="buckets", examples=[32]
    )
    max_distance: Count = setting(
        "distance from which on all share one bucket",
        default=128,
        unit="positions",
        examples=[128],
    )
    tables: Literal["shared", "per_layer"] = setting(
        "layers of equal settings share one table (T5), or each has its own (UMT5, Chung et al. "
        "2023)",
        default="shared",
        since="0.3",
    )


class NoPosition(Section):
    """No position at all: without a mask that tells, attention sees a bag of words."""

    kind: Literal["none"]


_OfLayers = RotaryPosition | AlibiPosition | RelativePosition | NoPosition
LayerPosition = Annotated[_OfLayers, Field(discriminator="kind")]
Position = Annotated[SinusoidalPosition | LearnedPosition | _OfLayers, Field(discriminator="kind")]

KINDS: dict[str, type[Section]] = {
    get_args(each.model_fields["kind"].annotation)[0]: each
    for each in get_args(get_args(Position)[0])
}
"""All kinds of positions by their names."""


def kinds_of(base: type[Section]) -> tuple[str, ...]:
    """Return the names of the kinds that work as a base class says."""
    return tuple(name for name, kind in KINDS.items() if issubclass(kind, base))
