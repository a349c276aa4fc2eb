"""The position-wise feed-forward network (Vaswani et al. 2017, section 3.3), and experts of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from compiler.activations import ActivationName
from compiler.spec.base import NotNegative, Positive, Rate, Section, Unused, Width, setting


class ExpertGroups(Section):
    """Groups of experts, of which each token chooses some before it chooses experts in them."""

    count: Annotated[int, Field(ge=2, le=2**12)] = setting(
        "groups of experts of equal size (DeepSeek-AI 2024, V2, section 2.2.2)",
        since="0.3",
        unit="groups",
        examples=[8],
    )
    active: Annotated[int, Field(ge=1, le=2**12)] = setting(
        "how many of them a token chooses from", since="0.3", unit="groups", examples=[4]
    )
    by: Literal["best", "best_two"] = setting(
        "how a group is scored: its best expert (DeepSeek-V2), or the sum of its best two "
        "(DeepSeek-V3)",
        since="0.3",
        default="best",
    )


class Correction(Section):
    """A number for each expert by which the load is balanced without a loss (Wang et al. 2024)."""

    rate: NotNegative = setting(
        "by how much the number of an expert rises after an update in which fewer tokens than the "
        "mean chose it, or falls",
        since="0.3",
        default=0.001,
        unit="share",
        examples=[0.001],
    )


class SharedExpert(Section):
    """A network that reads every token, beside those that are chosen (Dai et al. 2024)."""

    d_ff: Width = setting(
        "width of its hidden layer; several shared experts are one that is as wide as all",
        since="0.3",
        unit="numbers",
        examples=[2048],
    )
    gated: bool = setting(
        "its output times a sigmoid of a linear map of the token (Qwen2-MoE, Qwen team 2024)",
        since="0.3",
        default=False,
    )


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
    score: Literal["softmax", "sigmoid"] = setting(
        "what makes probabilities of the router's scores: a softmax over all experts, or a sigmoid "
        "for each by itself (DeepSeek-V3, Llama 4)",
        since="0.3",
        default="softmax",
    )
    normalize: bool | None = setting(
        "divides the weights of the active experts by their sum, which makes those of a softmax "
        "one over the active ones; by default where several are active. OLMoE and Qwen2-MoE do not",
        since="0.3",
        default=None,
    )
    factor: Positive = setting(
        "factor on the weights of the active experts (DeepSeek-V2, V3)",
        since="0.3",
        default=1.0,
        unit="factor",
        examples=[2.5],
    )
    weigh: Literal["outputs", "inputs"] = setting(
        "what the weights multiply: what experts write, or what they read (Llama 4)",
        since="0.3",
        default="outputs",
    )
    router_bias: bool = setting("a bias in the router (GPT-OSS)", since="0.3", default=False)
    groups: ExpertGroups | None = setting(
        "experts in groups, of which a token chooses some first", since="0.3", default=None
    )
    correction: Correction | None = setting(
        "numbers added to the probabilities for the choice alone, which follow the load",
        since="0.3",
        default=None,
    )
    shared: SharedExpert | None = setting(
        "an expert that reads every token", since="0.3", default=None
    )

    @property
    def is_normalized(self) -> bool:
        """Return whether the weights of the active experts sum to 1."""
        return self.active > 1 if self.normalize is None else self.normalize

    @property
    def records_load(self) -> bool:
        """Return whether training asks how many tokens have chosen each expert."""
        return bool(self.balance_loss) or self.correction is not None


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
