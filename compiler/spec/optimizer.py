"""The optimizers, which change the weights by their gradients: `training.optimizer:`."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from compiler.spec.base import (
    Count,
    NotNegative,
    Positive,
    Rate,
    Section,
    Unused,
    setting,
    union_of,
)

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
Pair = Field(min_length=2, max_length=2)


def _weight_decay(default: float, example: float) -> Any:
    return setting(
        "share of a matrix, times the learning rate, that an update takes away; biases and norms "
        "do not decay",
        default=default,
        unit="share",
        examples=[example],
    )


class OptimizerKind(Section):
    """An optimizer: its settings, and all that the compiler knows of it.

    Its code calls `CONSTRUCTOR`, a class of torch or a helper of generated files, with `arguments`.
    `USUAL_PEAK` is a usual highest rate, where that of the paper, which is for Adam, does not suit.
    """

    CONSTRUCTOR: ClassVar[str]
    USUAL_PEAK: ClassVar[float | None] = None
    IS_CAPPED: ClassVar[bool] = False
    """Whatever the schedule says, the rate is at most step^-0.5."""
    NEEDS_WHOLE_MATRICES: ClassVar[bool] = False
    """Return whether the update of a weight depends on all of its matrix."""
    IS_AVERAGE: ClassVar[bool] = False
    """Return whether the weights that count are a mean, and others are trained."""
    IS_ADAM_LIKE: ClassVar[bool] = False
    """Return whether a weight moves by about the rate, however large its gradients are."""
    TELLS_MATRICES_APART: ClassVar[bool] = False
    """Return whether hidden matrices have an update of their own, and are therefore named."""

    kind: str

    @property
    def title(self) -> str:
        """The sentence that generated code says of it."""
        raise NotImplementedError

    @property
    def moments(self) -> int:
        """The number of values that it keeps for each weight."""
        raise NotImplementedError

    @property
    def moments_of_matrices(self) -> int:
        """The number of values that it keeps for each weight of a hidden matrix."""
        return self.moments

    @property
    def decay(self) -> float:
        """The share of a matrix that an update takes away, times the rate; 0 for none."""
        return getattr(self, "weight_decay", 0.0)

    def arguments(self) -> dict[str, str | bool | float]:
        """Return the keywords of the constructor: the name of a setting each, or a value."""
        return {}


class TwoMeans(OptimizerKind):
    """Running means of the gradient and of its square, which Adam and its variants keep."""

    IS_ADAM_LIKE = True

    betas: Annotated[list[Rate], Pair] = setting(
        "decay of the two running means", default=[0.9, 0.98], unit="share", examples=[[0.9, 0.98]]
    )
    eps: Positive = setting("added to the denominator", default=1e-9, examples=[1e-9])

    @property
    def moments(self) -> int:
        return 2

    def arguments(self) -> dict[str, str | bool | float]:
        return {"betas": "betas", "eps": "eps", "fused": True}


class Adam(TwoMeans):
    """Adam (Kingma and Ba 2015; section 5.3)."""

    CONSTRUCTOR = "torch.optim.Adam"

    kind: Literal["adam"] = "adam"

    @property
    def title(self) -> str:
        return "Adam (Kingma and Ba 2015); whoever trains sets the rate of each update."


class AdamW(TwoMeans):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    CONSTRUCTOR = "torch.optim.AdamW"

    kind: Literal["adamw"]
    eps: Positive = setting("added to the denominator", default=1e-8, examples=[1e-8])
    weight_decay: NotNegative = _weight_decay(0.01, 0.1)

    @property
    def title(self) -> str:
        return "AdamW (Loshchilov and Hutter 2019); whoever trains sets the rate of each update."

    def arguments(self) -> dict[str, str | bool | float]:
        # Where none is given, torch has a decay of its own.
        none: dict[str, str | bool | float] = {} if self.weight_decay else {"weight_decay": 0.0}
        return {"betas": "betas", "eps": "eps", **none, "fused": True}


class Sgd(OptimizerKind):
    """Stochastic gradient descent. Its `schedule.peak` must be written."""

    CONSTRUCTOR = "torch.optim.SGD"
    USUAL_PEAK = 0.1
    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused(key="momentum", value=0, others=("nesterov",), why="there is none to look ahead by"),
    )

    kind: Literal["sgd"]
    momentum: Rate = setting(
        "share of the last step that is in the next one", default=0.9, unit="share", examples=[0.99]
    )
    nesterov: bool = setting("look ahead by the momentum (Nesterov 1983)", default=False)

    @property
    def title(self) -> str:
        kind = " with Nesterov's momentum" if self.nesterov else " with momentum"
        return (
            f"Stochastic gradient descent{kind if self.momentum else ''}; whoever trains sets the "
            "rate of each update."
        )

    @property
    def moments(self) -> int:
        return int(self.momentum > 0)

    def arguments(self) -> dict[str, str | bool | float]:
        momentum: dict[str, str | bool | float] = {"momentum": "momentum"} if self.momentum else {}
        return momentum | ({"nesterov": True} if self.nesterov else {}) | {"fused": True}


class Adafactor(OptimizerKind):
    """Adafactor (Shazeer and Stern 2018): of squared gradients, means of rows and columns alone.

    The learning rate is relative to the size of each tensor, and at most step^-0.5. Its
    `schedule.peak` must be written; the paper's is 0.01.
    """

    CONSTRUCTOR = "Adafactor"
    USUAL_PEAK = 0.01
    IS_CAPPED = True
    NEEDS_WHOLE_MATRICES = True

    kind: Literal["adafactor"]
    beta2_decay: Annotated[float, Field(lt=0.0, allow_inf_nan=False)] = setting(
        "exponent of the step: the mean forgets 1 - step^beta2_decay",
        default=-0.8,
        unit="exponent",
        examples=[-0.8],
    )
    eps: Annotated[list[Positive], Pair] = setting(
        "least root mean square of a gradient, and of a tensor that an update is relative to",
        default=[1e-15, 1e-3],
        examples=[[1e-15, 1e-3]],
    )
    clip_threshold: Annotated[float, Field(ge=1.0, allow_inf_nan=False)] = setting(
        "bound on the root mean square of a tensor's update, before the learning rate",
        default=1.0,
        examples=[1.0],
    )
    weight_decay: NotNegative = _weight_decay(0.0, 0.001)

    @property
    def title(self) -> str:
        return (
            "Adafactor (Shazeer and Stern 2018); whoever trains sets the rate of each update, "
            "which is relative to the size of a tensor, and at most step^-0.5."
        )

    @property
    def moments(self) -> int:
        # The means of rows and columns are few beside a matrix.
        return 0

    def arguments(self) -> dict[str, str | bool | float]:
        return {"beta2_decay": "beta2_decay", "eps": "eps", "d": "clip_threshold"}


class Lion(OptimizerKind):
    """Lion (Chen et al. 2023): steps of one size, by the sign of a mean of gradients.

    Its `schedule.peak` must be written: a third to a tenth of AdamW's; its `weight_decay` is
    that many times larger.
    """

    CONSTRUCTOR = "Lion"
    USUAL_PEAK = 1e-4
    IS_ADAM_LIKE = True

    kind: Literal["lion"]
    betas: Annotated[list[Rate], Pair] = setting(
        "decay of the mean that an update takes the sign of, and of the one that it keeps",
        default=[0.9, 0.99],
        unit="share",
        examples=[[0.9, 0.99]],
    )
    weight_decay: NotNegative = _weight_decay(0.0, 1.0)

    @property
    def title(self) -> str:
        return "Lion (Chen et al. 2023); whoever trains sets the rate of each update."

    @property
    def moments(self) -> int:
        return 1

    def arguments(self) -> dict[str, str | bool | float]:
        return {"betas": "betas"}


class ScheduleFree(OptimizerKind):
    """Schedule-free AdamW (Defazio et al. 2024): the weights that count are a mean of those that
    steps lead to, and take the place of a schedule that comes down.

    Gradients are taken between the two. Validations, checkpoints and translations have the mean, a
    second network. Its schedule is `constant`, perhaps after a warm-up, and its `schedule.peak`
    must be written.
    """

    CONSTRUCTOR = "ScheduleFreeAdamW"
    USUAL_PEAK = 0.0025
    IS_AVERAGE = True
    IS_ADAM_LIKE = True

    kind: Literal["schedule_free"]
    betas: Annotated[list[Fraction], Pair] = setting(
        "share of the mean in the weights where gradients are taken, and decay of the running mean "
        "of squared gradients",
        default=[0.9, 0.999],
        unit="share",
        examples=[[0.9, 0.999]],
    )
    eps: Positive = setting("added to the denominator", default=1e-8, examples=[1e-8])
    weight_decay: NotNegative = _weight_decay(0.0, 0.1)

    @property
    def title(self) -> str:
        return (
            "Schedule-free AdamW (Defazio et al. 2024); whoever trains sets the rate of each "
            "update."
        )

    @property
    def moments(self) -> int:
        return 2

    def arguments(self) -> dict[str, str | bool | float]:
        return {"betas": "betas", "eps": "eps"}


class Muon(OptimizerKind):
    """Muon (Jordan et al. 2024): a hidden matrix moves by its momentum, made nearly orthogonal.

    Matrices in one are taken apart: queries, keys and values, halves of gated networks, gates of
    recurrences, experts. Embeddings, the output layer, norms, biases, positions and convolutions
    are trained by AdamW (Loshchilov and Hutter 2019). Its `schedule.peak` must be written.
    """

    CONSTRUCTOR = "Muon"
    USUAL_PEAK = 0.002
    NEEDS_WHOLE_MATRICES = True
    TELLS_MATRICES_APART = True
    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused(key="momentum", value=0, others=("nesterov",), why="there is none to look ahead by"),
    )

    kind: Literal["muon"]
    momentum: Rate = setting(
        "decay of the running mean of a matrix's gradient",
        default=0.95,
        unit="share",
        examples=[0.95],
    )
    nesterov: bool = setting("look ahead by the momentum (Nesterov 1983)", default=True)
    iterations: Count = setting(
        "Newton-Schulz iterations, each of three products of matrices, that make an update nearly "
        "orthogonal",
        default=5,
        unit="iterations",
        examples=[5],
    )
    scale: Literal["match_rms_adamw", "original"] = setting(
        "factor on the rate of a matrix of A rows and B columns: 0.2 max(A, B)^0.5, with which its "
        "elements move as far as under AdamW and one rate does for all (Liu et al. 2025, equation "
        "4); or max(1, A / B)^0.5 (Jordan et al. 2024), which takes a rate about ten times as high",
        default="match_rms_adamw",
    )
    betas: Annotated[list[Rate], Pair] = setting(
        "decay of AdamW's two running means",
        default=[0.9, 0.95],
        unit="share",
        examples=[[0.9, 0.95]],
    )
    eps: Positive = setting("added to AdamW's denominator", default=1e-8, examples=[1e-8])
    adamw_rate: Positive = setting(
        "rate of AdamW's updates, as a factor on that of the schedule",
        default=1.0,
        unit="factor",
        examples=[0.1],
    )
    weight_decay: NotNegative = _weight_decay(0.1, 0.1)

    @property
    def title(self) -> str:
        return (
            "Muon (Jordan et al. 2024) for hidden matrices, AdamW for all else; whoever trains "
            "sets the rate of each update."
        )

    @property
    def moments(self) -> int:
        return 2

    @property
    def moments_of_matrices(self) -> int:
        return 1

    def arguments(self) -> dict[str, str | bool | float]:
        return {
            "betas": "betas",
            "eps": "eps",
            "adamw_rate": "adamw_rate",
            "momentum": "momentum",
            "nesterov": self.nesterov,
            "iterations": "iterations",
            "matches_adamw": self.scale == "match_rms_adamw",
        }


OPTIMIZERS: dict[str, type[OptimizerKind]] = {
    "adam": Adam,
    "adamw": AdamW,
    "sgd": Sgd,
    "adafactor": Adafactor,
    "muon": Muon,
    "lion": Lion,
    "schedule_free": ScheduleFree,
}
"""The kinds of optimizers, in the order of the reference."""

if TYPE_CHECKING:
    Optimizer = OptimizerKind
else:
    Optimizer = union_of(OPTIMIZERS, "adam")  # as in the paper
