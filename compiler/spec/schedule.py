"""The learning rate of each update: `training.schedule:`."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Tag

from compiler.spec.base import (
    Count,
    NotNegative,
    Positive,
    Section,
    Unused,
    Whole,
    kind_or,
    setting,
)


class WarmUp(Section):
    """Linear warm-up to the peak: what all schedules begin with."""

    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused(key="warmup_steps", value=0, others=("start",), why="the first update has the peak"),
    )

    kind: str
    warmup_steps: Whole = setting(
        "updates of linear warm-up; 0 begins at the peak",
        default=4000,
        unit="updates",
        examples=[4000],
    )
    peak: Positive | None = setting(
        "highest rate; by default, for Adam after a warm-up, d_model^-0.5 * warmup_steps^-0.5 "
        "(section 5.3)",
        default=None,
        unit="learning rate",
        examples=[7e-4],
    )
    start: NotNegative = setting(
        "learning rate that the warm-up starts from",
        default=0.0,
        unit="learning rate",
        examples=[1e-7],
    )


class Decay(WarmUp):
    """A schedule that comes down to `end`."""

    end: NotNegative = setting(
        "learning rate of the last update", default=0.0, unit="learning rate", examples=[1e-6]
    )


class InverseSquareRoot(WarmUp):
    """After the warm-up the inverse square root of the step (section 5.3)."""

    kind: Literal["inverse_sqrt"] = "inverse_sqrt"
    warmup_steps: Count = setting(
        "updates of linear warm-up", default=4000, unit="updates", examples=[4000]
    )


class Constant(WarmUp):
    """After the warm-up the peak."""

    kind: Literal["constant"]


class Linear(Decay):
    """After the warm-up a straight line down to `end`, which the last of `training.steps` has."""

    kind: Literal["linear"]


class Cosine(Decay):
    """After the warm-up half a cosine (Loshchilov and Hutter 2017) down to `end`, which the last of
    `training.steps` has.
    """

    kind: Literal["cosine"]


class WarmupStableDecay(Decay):
    """After the warm-up the peak; a straight line down to `end` in the last `decay_steps` (Hu et
    al. 2024).
    """

    kind: Literal["warmup_stable_decay"]
    decay_steps: Count = setting(
        "updates of the way down, the last of `training.steps`", unit="updates", examples=[10000]
    )


Schedule = Annotated[
    Annotated[InverseSquareRoot, Tag("inverse_sqrt")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[WarmupStableDecay, Tag("warmup_stable_decay")],
    kind_or("inverse_sqrt"),
]
"""Without a word the paper's."""

SCHEDULES: dict[str, type[WarmUp]] = {
    get_args(each)[1].tag: get_args(each)[0] for each in get_args(get_args(Schedule)[0])
}
"""All kinds of schedules by their names."""
