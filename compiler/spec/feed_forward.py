"""The position-wise feed-forward network (Vaswani et al. 2017, section 3.3), and experts of it."""

from typing import Annotated, ClassVar

from pydantic import Field

from compiler.activations import ActivationName
from compiler.spec.base import NotNegative, Positive, Rate, Section, Unused, Width, setting


class Experts(Section):
    """A mixture of experts (Shazeer et al. 2017): each token chooses some, and none is dropped."""

    count: Annotated[int, Field(ge=2, le=2**12)] = setting(
        "feed-forward networks side by side", unit="networks", examples=[8]
    )
    active: Annotated[int, Field(ge=1, le=2**12)] = setting(
        "how many of them read a token, weighted by a softmax of their scores (Mixtral); a single "
        "one by its probability among all (Fedus et al. 2021)",
        default=2,
        unit="networks",
        examples=[2],
    )
    balance_loss: NotNegative = setting(
        "factor of the loss that keeps all in use, summed over layers (Fedus et al. 2021, equation "
        "4); measured within each micro-batch of each process",
        default=0.01,
        unit="factor",
        examples=[0.01],
    )


class FeedForward(Section):
    """The position-wise feed-forward network (section 3.3)."""

    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused("gated", False, ("clamp", "up_offset"), "no gate"),
    )

    d_ff: Width = setting("width of the hidden layer", unit="numbers", examples=[2048])
    activation: ActivationName = setting("the non-linearity", default="relu")
    gated: bool = setting(
        "two maps to the hidden layer, one of them through the non-linearity, multiplied (Shazeer "
        "2020: GEGLU with `gelu`, SwiGLU with `silu`)",
        default=False,
    )
    clamp: Positive | None = setting(
        "bound on what `gated` multiplies: the gate's input is at most this, and the other map's "
        "output within both signs of it (GPT-OSS, OpenAI 2025)",
        since="0.3",
        default=None,
        examples=[7.0],
    )
    up_offset: NotNegative = setting(
        "added to what a gate multiplies (1 in GPT-OSS, OpenAI 2025)",
        since="0.3",
        default=0.0,
        examples=[1.0],
    )
    bias: bool = setting("biases in the linear maps", default=True)
    dropout: Rate = setting(
        "probability of dropping an activation", default=0.0, unit="probability", examples=[0.1]
    )
    scale: Positive = setting(
        "factor on the output (0.5 in Macaron nets, Lu et al. 2019)",
        default=1.0,
        unit="factor",
        examples=[0.5],
    )
    experts: Experts | None = setting(
        "several such networks, of which each token chooses some", default=None
    )
