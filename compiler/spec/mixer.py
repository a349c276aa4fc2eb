"""What positions may meet through instead of self-attention (Vaswani et al. 2017, section 4)."""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.base import Section, Width, setting


class Recurrence(Section):
    """A recurrent layer along the stream, as self-attention replaces it (section 1).

    Its matrices start gate by gate as `initialization` says, its biases at zero.
    """

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


class Convolution(Section):
    """A convolution along the stream, in the place of self-attention (section 4).

    Its weights start as `initialization` says: for each output of a gated one and its gate, for
    each number of a depth-wise one. What is added to the residual stream counts as an `output`.
    """

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
