"""Mixers: sub-layers by which positions meet without attention (Vaswani et al. 2017, section 4).

A kind of mixer is one class, whose facts are all that other modules know of it, and one field of
`Mixers`, which is the table of them. `lower/mixer.py` makes a block of each.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple, Self, get_args

from pydantic import Field

from compiler.spec.base import Section, Width, setting


class Conflict(NamedTuple):
    """A mistake at a key of a mixer, with the code, the message and the help that explain it."""

    key: str
    code: str
    message: str
    help: str


class Mixer(Section):
    """The settings of one kind of mixer; a subclass overrides the facts in which it differs."""

    EXAMPLE: ClassVar[str]
    """The shortest settings, which messages show."""
    AHEAD_KEY: ClassVar[str] = ""
    """The key that decides whether a position reads later ones, at which a failed proof points."""
    OUTPUT_KEYS: ClassVar[tuple[str, ...]] = ()
    """The keys of which each makes a linear map `output` follow where it is set."""

    @property
    def has_output(self) -> bool:
        """True if a linear map `output` may follow, which adds to the residual stream."""
        return any(getattr(self, key) for key in self.OUTPUT_KEYS)

    @property
    def reads_ahead(self) -> bool:
        """True if a position reads later ones, after the defaults are resolved."""
        return False

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        """Return the settings of a stream of `width` numbers, `causal` in a decoder, complete."""
        return self

    def conflicts(self, *, causal: bool) -> Iterator[Conflict]:  # noqa: ARG002
        """Yield the mistakes in settings that are each right; `causal` in a decoder."""
        yield from ()


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


class Convolution(Mixer):
    """A convolution along the stream, in the place of self-attention (section 4).

    Its weights start as `initialization` says: for each output of a gated one and its gate, for
    each number of a depth-wise one. What is added to the residual stream counts as an `output`.
    """

    EXAMPLE = "{kind: gated}"
    AHEAD_KEY = "causal"
    OUTPUT_KEYS = ("kind",)

    kind: Literal["gated", "depthwise"] = setting(
        "a gated linear unit (Gehring et al. 2017); or each number by itself, and a linear map "
        "of them position by position (Kaiser et al. 2018)"
    )
    width: Annotated[int, Field(ge=2, le=2**10)] = setting(
        "positions that one reads; odd where it stands in their middle",
        default=3,
        unit="positions",
        examples=[3],
    )
    causal: bool | None = setting(
        "whether a position stands at the end of those that it reads, not in the middle; by "
        "default in a decoder",
        default=None,
    )

    @property
    def reads_ahead(self) -> bool:
        return not self.causal

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        return self.model_copy(update={"causal": causal if self.causal is None else self.causal})

    def conflicts(self, *, causal: bool) -> Iterator[Conflict]:
        width, is_causal = self.width, causal if self.causal is None else self.causal
        if width % 2 == 0 and not is_causal:
            yield Conflict(
                key="width",
                code="even-width",
                message=f"no position stands in the middle of {width}",
                help=f"write `width: {width + 1}`, or `causal: true`: then it reads {width - 1} "
                "before its own",
            )


class Mixers(Section):
    """The mixers that a layer may have, by their keys."""

    recurrence: Recurrence | None = None
    convolution: Convolution | None = None

    @property
    def mixers(self) -> dict[str, Mixer]:
        """The settings of the mixers that are set, by their keys."""
        found = {name: getattr(self, name) for name in MIXERS}
        return {name: mixer for name, mixer in found.items() if mixer is not None}


MIXERS: dict[str, type[Mixer]] = {
    name: get_args(field.annotation)[0] for name, field in Mixers.model_fields.items()
}
