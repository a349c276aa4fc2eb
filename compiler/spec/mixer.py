"""Mixers: sub-layers by which positions meet without attention (Vaswani et al. 2017, section 4).

A kind of mixer is one class, whose facts are all that other modules know of it, and one field of
`Mixers`, which is the table of them. `lower/mixer.py` makes a block of each.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self, get_args

from pydantic import Field

from compiler.spec.base import Section, Width, setting
from compiler.spec.linear_mixer import DeltaNet, LinearAttention, StateSpace
from compiler.spec.mixer_base import Conflict, Mixer

ReadWidth = Annotated[int, Field(ge=2, le=2**10)]
"""The number of positions that a convolution reads."""
READS = setting(
    "positions that one reads; odd where it stands in their middle",
    default=3,
    unit="positions",
    examples=[3],
)
CAUSAL = setting(
    "whether a position stands at the end of those that it reads, not in the middle; by default in "
    "a decoder",
    default=None,
)


class Recurrence(Mixer):
    """A recurrent layer along the stream, as self-attention replaces it (section 1).

    Its matrices start gate by gate as `initialization` says, its biases at zero.
    """

    EXAMPLE = "{kind: lstm}"
    AHEAD_KEY = "bidirectional"
    OUTPUT_KEYS = ("d_hidden", "bidirectional")

    kind: Literal["lstm", "gru"] = setting(
        "Hochreiter and Schmidhuber 1997, or Cho et al. 2014; as torch has them"
    )
    d_hidden: Width | None = setting(
        "width of the hidden states, of each direction; by default d_model. Where they are not as "
        "wide as the stream, both directions together, a linear map follows",
        default=None,
        unit="numbers",
        examples=[512],
    )
    bidirectional: bool = setting(
        "a second one from the end of the text, in an encoder; their states stand side by side",
        default=False,
    )

    @property
    def reads_ahead(self) -> bool:
        return self.bidirectional

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        return self.model_copy(update={"d_hidden": self.d_hidden or width})


class AnyConvolution(Mixer):
    """The base of convolutions, whose fields `width` and `causal` are `READS` and `CAUSAL`."""

    AHEAD_KEY = "causal"

    @property
    def reads_ahead(self) -> bool:
        return not getattr(self, self.AHEAD_KEY)

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        own = getattr(self, self.AHEAD_KEY)
        return self.model_copy(update={"causal": causal if own is None else own})

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:
        width, own = getattr(self, "width"), getattr(self, self.AHEAD_KEY)  # noqa: B009
        if width % 2 == 0 and not (causal if own is None else own):
            yield Conflict(
                key="width",
                code="even-width",
                message=f"no position stands in the middle of {width}",
                help=f"write `width: {width + 1}`, or `causal: true`: then it reads {width - 1} "
                "before its own",
            )


class Convolution(AnyConvolution):
    """A convolution along the stream, in the place of self-attention (section 4).

    Its weights start as `initialization` says: for each output of a gated one and its gate, for
    each number of a depth-wise one. What is added to the residual stream counts as an `output`.
    """

    EXAMPLE = "{kind: gated}"
    OUTPUT_KEYS = ("kind",)

    kind: Literal["gated", "depthwise"] = setting(
        "a gated linear unit (Gehring et al. 2017); or each number by itself, and a linear map "
        "of them position by position (Kaiser et al. 2018)"
    )
    width: ReadWidth = READS
    causal: bool | None = CAUSAL


class ShortConvolution(AnyConvolution):
    """A short convolution between two gates (LFM2, Amini et al. 2025).

    A linear map gives a gate of what is read, a gate of what is given, and what is read; each
    number is convolved by itself, and a linear map follows. There is no other non-linearity.
    """

    EXAMPLE = "{width: 3}"
    OUTPUT_KEYS = ("width",)

    width: ReadWidth = READS
    causal: bool | None = CAUSAL
    bias: bool = setting("of both linear maps and of the convolution", default=False)


class Mixers(Section):
    """The mixers that a layer may have, by their keys."""

    recurrence: Recurrence | None = None
    convolution: Convolution | None = None
    linear_attention: LinearAttention | None = setting(
        "attention without a softmax, whose keys and values add up in a state that decays",
        default=None,
        since="0.3",
    )
    state_space: StateSpace | None = setting("a state space (Mamba-2)", default=None, since="0.3")
    delta_net: DeltaNet | None = setting(
        "linear attention that unlearns what a key held", default=None, since="0.3"
    )
    short_convolution: ShortConvolution | None = setting(
        "a short convolution between two gates", default=None, since="0.3"
    )

    @property
    def mixers(self) -> dict[str, Mixer]:
        """The settings of the mixers that are set, by their keys."""
        found = {name: getattr(self, name) for name in MIXERS}
        return {name: mixer for name, mixer in found.items() if mixer is not None}


MIXERS: dict[str, type[Mixer]] = {
    name: get_args(field.annotation)[0] for name, field in Mixers.model_fields.items()
}
