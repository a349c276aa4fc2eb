"""The recipe of a training and the protocol of its scores: `training:` and `evaluation:`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from compiler.spec.base import (
    Count,
    NotNegative,
    Portion,
    Positive,
    Rate,
    Section,
    Share,
    Whole,
    setting,
)
from compiler.spec.optimizer import Adam, Optimizer
from compiler.spec.schedule import Decay, InverseSquareRoot, Schedule
from compiler.spec.tasks import TASKS

if TYPE_CHECKING:
    Score = str
else:
    Score = Literal[*dict.fromkeys(score for task in TASKS.values() for score in task.scores)]


class MovingAverage(Section):
    """Exponential moving average of the weights (Polyak and Juditsky 1992), in float32.

    It takes the place of the weights in all that comes of a training: validation, checkpoints (of
    which `evaluation.average_last` are averaged), translations.
    """

    decay: Annotated[float, Field(gt=0.0, lt=1.0)] = setting(
        "what the weights after an update count, against those after the next one",
        default=0.999,
        unit="share",
        examples=[0.9999],
    )


class Validation(Section):
    """When and how a training run looks at the validation set. Each look leaves a checkpoint."""

    every: Count | Literal["epoch"] = setting(
        "updates between two looks", default="epoch", unit="updates", examples=[1000, "epoch"]
    )
    bleu: bool = setting("also translate the validation set greedily and score it", default=False)
    metric: Literal["loss", "bleu", "accuracy"] = setting(
        "what the best checkpoint, which is kept, is best at, and `patience` waits for",
        default="loss",
    )
    patience: Count | None = setting(
        "looks without a better metric after which the training ends",
        default=None,
        unit="looks",
        examples=[10],
    )


class MaskedTokens(Section):
    """The tokens that a masked language model has to guess (Devlin et al. 2019, section 3.1)."""

    share: Share = setting(
        "share of a text's tokens that are predicted", default=0.15, unit="share", examples=[0.15]
    )
    mask: Portion = setting(
        "share of these that become the mask symbol", default=0.8, unit="share", examples=[0.8]
    )
    random: Portion = setting(
        "share of these that become any token; the others stay",
        default=0.1,
        unit="share",
        examples=[0.1],
    )


class Contrast(Section):
    """Contrastive learning from pairs (Henderson et al. 2017; van den Oord et al. 2018).

    Each source chooses its target among those of its micro-batch, by a softmax of the cosines of
    their vectors. Pairs that share a text are not told apart.
    """

    temperature: Positive = setting(
        "divisor of the cosines, before the softmax", default=0.05, examples=[0.05]
    )
    symmetric: bool = setting(
        "each target chooses its source, too, and the loss is the mean of both", default=False
    )


class BatchWarmUp(Section):
    """Batches that grow, by whole micro-batches, up to `accumulate` of them (Brown et al. 2020,
    appendix B).
    """

    steps: Count = setting(
        "updates until batches have all their `accumulate` micro-batches",
        unit="updates",
        examples=[2000],
    )
    start: Share = setting(
        "share of the micro-batches that the first update has, at least one",
        default=0.25,
        unit="share",
        examples=[0.25],
    )


class ContextWarmUp(Section):
    """Texts that are short at first (Li et al. 2022): those of an update are cut into pieces, of
    `start` tokens in the first update, then longer, up to `data.max_length`.
    """

    steps: Count = setting("updates until texts are whole", unit="updates", examples=[2000])
    start: Count = setting(
        "tokens of a piece in the first update; those of later ones are multiples of 8",
        default=64,
        unit="tokens",
        examples=[64],
    )


class Training(Section):
    """The training recipe (section 5)."""

    batch_tokens: Count = setting(
        "tokens an update: sentences times the longest side, padding included",
        unit="tokens",
        examples=[25000],
    )
    accumulate: Count = setting(
        "micro-batches that make an update, each of an equal share of its `batch_tokens`",
        default=1,
        unit="batches",
        examples=[4],
    )
    batch_warmup: BatchWarmUp | None = setting(
        "batches that grow at first; by default all have `batch_tokens`", default=None
    )
    context_warmup: ContextWarmUp | None = setting(
        "texts of a language model that are short at first; updates have as many tokens as ever",
        default=None,
    )
    steps: Count | None = setting(
        "updates, at most; this, `epochs` or `minutes` must be given",
        default=None,
        unit="updates",
        examples=[100000],
    )
    epochs: Count | None = setting(
        "passes over the training text, at most; how many updates they are is known, and written "
        "as `steps` into the run, once the text is prepared",
        default=None,
        unit="epochs",
        examples=[10],
    )
    minutes: Positive | None = setting(
        "a length in time instead of `steps` and `epochs`: minutes that updates take, without "
        "those of validations and checkpoints; schedules that come down do so by the share of it "
        "that is spent, which is kept in checkpoints; for one process",
        default=None,
        unit="minutes",
        examples=[5],
    )
    optimizer: Optimizer = setting("what an update does with the gradient", default=Adam())
    schedule: Schedule = setting("learning rate of each update", default=InverseSquareRoot())
    label_smoothing: Rate = setting(
        "share spread over the vocabulary (section 5.4)", default=0.0, unit="share", examples=[0.1]
    )
    z_loss: NotNegative = setting(
        "factor on the square of the logarithm of the softmax's divisor, which is added to the "
        "loss of each label and keeps logits small (Chowdhery et al. 2022, section 5; Zoph et al. "
        "2022); 0 for none",
        default=0.0,
        unit="factor",
        examples=[1e-4],
    )
    clip_norm: Positive | None = setting(
        "bound on the norm of the gradient", default=None, unit="norm", examples=[1.0]
    )
    ema: MovingAverage | None = setting(
        "keep a moving average of the weights; by default none", default=None
    )
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "of the matrix products (autocast); weights and sums stay float32; `auto` is bfloat16 on "
        "devices with instructions for it, and in float32 lets a GPU use TF32",
        default="auto",
    )
    batching: Literal["auto", "padded", "packed"] = setting(
        "the form of batches: `padded` to the longest sentence, on a GPU in at most 32 shapes; or "
        "`packed`, whole sentences one after the other in batches of one shape, which a GPU trains "
        "fastest with and a CPU slowly; `auto` packs on a GPU in bfloat16 where the network allows "
        "it",
        default="auto",
    )
    compile: bool = setting("run through torch.compile", default=False)
    recompute: Literal["none", "layer"] = setting(
        "what the backward pass computes anew instead of keeping it (activation checkpointing): "
        "all of a `layer` but its inputs takes less memory and about a third more time",
        default="none",
    )
    seed: Whole = setting(
        "of initialisation, dropout and the order of the data", default=1, examples=[1]
    )
    masking: MaskedTokens | None = setting(
        "what a masked language model has to guess, drawn anew in each epoch", default=None
    )
    contrast: Contrast | None = setting(
        "how an embedding model tells the target of a source from others", default=None
    )
    validation: Validation = Validation()

    @property
    def updates(self) -> int:
        """The largest number of updates. Raises ValueError while only the epochs are known."""
        if self.minutes is not None:
            return sys.maxsize
        if self.steps is None:
            raise ValueError(f"expected `training.steps`, got {self.epochs} epochs of some text")
        return self.steps

    @property
    def has_average(self) -> bool:
        """Return whether the weights that count are others than those that are trained."""
        return self.ema is not None or self.optimizer.IS_AVERAGE

    @property
    def is_scheduled_by_time(self) -> bool:
        """Return whether the learning rate depends on the share of the time that is spent."""
        return self.minutes is not None and isinstance(self.schedule, Decay)

    @property
    def length(self) -> str:
        """The length in words."""
        if self.minutes is not None:
            return f"{self.minutes:g} minutes"
        return f"{self.steps:,}" if self.steps else f"{self.epochs:,} epochs"

    @property
    def micro_batch_tokens(self) -> int:
        """Tokens of one of the `accumulate` batches of an update."""
        return max(1, self.batch_tokens // self.accumulate)

    @property
    def not_packed(self) -> str | None:
        """The reason for which no GPU trains on packed batches; None if the network decides."""
        if self.batching == "padded":
            return "`training.batching` is padded"
        if self.precision == "float32":
            return (
                "`training.precision` is float32, which a GPU's kernel for packed sentences does "
                "not take"
            )
        return None

    @property
    def not_sharded(self) -> tuple[str, str] | None:
        """The reason for which `--shard` is refused, and the way out of it; None if it is not."""
        if self.optimizer.NEEDS_WHOLE_MATRICES:
            kind = self.optimizer.kind
            return (
                f"`training.optimizer.kind` is {kind}, which needs whole matrices, and each "
                "process keeps a share of them",
                "choose adam, adamw or sgd, or leave --shard out",
            )
        if self.compile:
            return (
                "`training.compile` is true, and layers whose weights are there for a moment "
                "alone are not compiled",
                "add `--set training.compile=false`, or leave --shard out",
            )
        return None


BleuTokenizer = Literal[
    "13a",
    "intl",
    "char",
    "none",
    "zh",
    "ja-mecab",
    "ko-mecab",
    "flores101",
    "flores200",
    "spm",
    "spBLEU-1K",
]


class Evaluation(Section):
    """The scores of a trained model; translations are scored by sacreBLEU."""

    average_last: Count = setting(
        "checkpoints whose weights are averaged", default=1, unit="checkpoints", examples=[5]
    )
    checkpoint: Literal["last", "best"] = setting(
        "whose weights are used: the mean of the last `average_last`, or the one that is best by "
        "`training.validation.metric`",
        default="last",
    )
    metric: Score | None = setting(
        "the score that is the headline; by default bleu for translations, perplexity for "
        "language models, accuracy for classes and for embeddings",
        default=None,
    )
    tokenize: BleuTokenizer = setting(
        "for BLEU, by a name of sacreBLEU's; ja-mecab and ko-mecab need a package, flores101, "
        "flores200, spm and spBLEU-1K download a model",
        default="13a",
    )
    lowercase: bool = setting("score without regard to case", default=False)
    stride: Count | None = setting(
        "tokens from one window to the next where running text is scored: a window's other tokens "
        "are context alone; by default windows stand side by side",
        default=None,
        unit="tokens",
        examples=[32],
    )
