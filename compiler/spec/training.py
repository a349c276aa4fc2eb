"""How the network is trained, decoded and scored: `training:`, `decoding:`, `evaluation:`."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from compiler.spec.section import Count, NotNegative, Positive, Rate, Section, Whole


class Adam(Section):
    """Adam (Kingma and Ba 2015; section 5.3)."""

    kind: Literal["adam"] = "adam"
    betas: Annotated[list[Rate], Field(min_length=2, max_length=2)] = Field(
        default=[0.9, 0.98], description="decay of the two running means"
    )
    eps: Positive = Field(default=1e-9, description="added to the denominator")


class WarmUp(Section):
    """Linear warm-up to the peak: what all schedules begin with."""

    kind: str
    warmup_steps: Count = Field(default=4000, description="updates of linear warm-up")
    peak: Positive | None = Field(
        default=None,
        description="highest rate; by default d_model^-0.5 * warmup_steps^-0.5 (section 5.3)",
    )
    start: NotNegative = Field(
        default=0.0, description="learning rate that the warm-up starts from"
    )


class InverseSquareRoot(WarmUp):
    """After the warm-up the inverse square root of the step (section 5.3)."""

    kind: Literal["inverse_sqrt"] = "inverse_sqrt"


class Linear(WarmUp):
    """After the warm-up a straight line down to `end`, which the last of `training.steps` has."""

    kind: Literal["linear"] = "linear"
    end: NotNegative = Field(default=0.0, description="learning rate of the last update")


def _kind(value: object) -> str:
    """Without a word the paper's schedule."""
    if isinstance(value, WarmUp):
        return value.kind
    kind = value.get("kind", "inverse_sqrt") if isinstance(value, dict) else "inverse_sqrt"
    return str(kind)


Schedule = Annotated[
    Annotated[InverseSquareRoot, Tag("inverse_sqrt")] | Annotated[Linear, Tag("linear")],
    Discriminator(_kind),
]


class Validation(Section):
    """When and how a training run looks at the validation set. Each look leaves a checkpoint."""

    every: Count | Literal["epoch"] = Field(
        default="epoch", description="updates between two looks"
    )
    bleu: bool = Field(
        default=False, description="also translate the validation set greedily and score it"
    )
    metric: Literal["loss", "bleu"] = Field(
        default="loss", description="what the best checkpoint is best at"
    )
    patience: Count | None = Field(
        default=None, description="looks without a better metric after which the training ends"
    )


class Training(Section):
    """The training recipe (section 5)."""

    batch_tokens: Count = Field(
        description="tokens an update: sentences times the longest side, padding included"
    )
    accumulate: Count = Field(default=1, description="micro-batches that make an update")
    steps: Count = Field(description="updates, at most")
    optimizer: Adam = Adam()
    schedule: Schedule = InverseSquareRoot()
    label_smoothing: Rate = Field(
        default=0.0, description="share spread over the vocabulary (section 5.4)"
    )
    clip_norm: Positive | None = Field(
        default=None, description="bound on the norm of the gradient"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of the matrix products (autocast); weights stay float32"
    )
    compile: bool = Field(default=False, description="run through torch.compile")
    seed: Whole = Field(
        default=1, description="of initialisation, dropout and the order of the data"
    )
    validation: Validation = Validation()

    @property
    def micro_batch_tokens(self) -> int:
        """Tokens of one of the `accumulate` batches of an update."""
        return max(1, self.batch_tokens // self.accumulate)


class Decoding(Section):
    """Beam search (section 6.1)."""

    beam: Count = Field(default=4, description="hypotheses a sentence; 1 is greedy search")
    length_penalty: NotNegative = Field(default=0.6, description="exponent of the length penalty")
    normalization: Literal["gnmt", "length"] = Field(
        default="gnmt",
        description="divisor of scores: ((5 + length) / 6)^penalty (GNMT), or length^penalty",
    )
    min_length: Whole = Field(
        default=0, description="tokens of a translation, at least, where its limits allow as many"
    )
    max_extra_length: Whole = Field(
        default=50, description="tokens beyond the length of the source"
    )
    max_length: Count | None = Field(
        default=None, description="tokens of a translation, in any case"
    )


class Evaluation(Section):
    """How translations are scored (sacreBLEU)."""

    average_last: Count = Field(default=1, description="checkpoints whose weights are averaged")
    metric: Literal["bleu", "chrf"] = Field(
        default="bleu", description="the score that is the headline"
    )
    tokenize: Literal["13a", "intl", "char", "none"] = Field(default="13a", description="for BLEU")
    lowercase: bool = Field(default=False, description="score without regard to case")
