"""How a gradient changes the weights: `training.optimizer:`."""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from compiler.spec.base import NotNegative, Positive, Rate, Section, kind_or, setting

Pair = Field(min_length=2, max_length=2)


def _weight_decay(default: float, example: float) -> Any:
    return setting(
        "share of a matrix, times the learning rate, that an update takes away; biases and norms "
        "do not decay",
        default=default,
        unit="share",
        examples=[example],
    )


class TwoMeans(Section):
    """What Adam and its variants keep of the gradient: running means of it and of its square."""

    kind: str
    betas: Annotated[list[Rate], Pair] = setting(
        "decay of the two running means", default=[0.9, 0.98], unit="share", examples=[[0.9, 0.98]]
    )
    eps: Positive = setting("added to the denominator", default=1e-9, examples=[1e-9])


class Adam(TwoMeans):
    """Adam (Kingma and Ba 2015; section 5.3)."""

    kind: Literal["adam"] = "adam"


class AdamW(TwoMeans):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    kind: Literal["adamw"]
    eps: Positive = setting("added to the denominator", default=1e-8, examples=[1e-8])
    weight_decay: NotNegative = _weight_decay(0.01, 0.1)


class Sgd(Section):
    """Stochastic gradient descent. Its `schedule.peak` must be written."""

    kind: Literal["sgd"]
    momentum: Rate = setting(
        "share of the last step that is in the next one", default=0.9, unit="share", examples=[0.99]
    )
    nesterov: bool = setting("look ahead by the momentum (Nesterov 1983)", default=False)


class Adafactor(Section):
    """Adafactor (Shazeer and Stern 2018): of squared gradients, means of rows and columns alone.

    The learning rate is relative to the size of each tensor, and at most step^-0.5. Its
    `schedule.peak` must be written; the paper's is 0.01.
    """

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


Optimizer = Annotated[
    Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[Sgd, Tag("sgd")]
    | Annotated[Adafactor, Tag("adafactor")],
    kind_or("adam"),
]
"""Without a word Adam, as in the paper."""
