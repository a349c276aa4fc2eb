"""A schedule as the function `learning_rate` of `training.py`."""

from dataclasses import dataclass
from typing import assert_never

from compiler.spec.schedule import (
    Constant,
    Cosine,
    Decay,
    InverseSquareRoot,
    Linear,
    Schedule,
    WarmupStableDecay,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The rate after the warm-up: a phrase, and the lines of code, of which the last gives it."""

    phrase: str
    code: tuple[str, ...]
    needs_step: bool = True


def rate(schedule: Schedule) -> Rate:
    """What a kind of schedule makes of the updates after its warm-up, or of all."""
    warmed = schedule.warmup_steps > 0
    down, height = _descent(schedule)
    peak, origin = ("constant", "") if warmed else ("PEAK", "from PEAK ")
    match schedule:
        case InverseSquareRoot():
            return Rate(
                phrase="by step^-0.5 (section 5.3)", code=("PEAK * (WARMUP_STEPS / step) ** 0.5",)
            )
        case Constant():
            return Rate(phrase=peak, code=("PEAK",), needs_step=warmed)
        case Linear():
            span = "(STEPS - WARMUP_STEPS)" if warmed else "STEPS"
            return Rate(
                phrase=f"{origin}linear to {down} at STEPS",
                code=(f"{height} * (STEPS - step) / {span}",),
            )
        case Cosine():
            done = "(step - WARMUP_STEPS) / (STEPS - WARMUP_STEPS)" if warmed else "step / STEPS"
            return Rate(
                phrase=f"{origin}by a cosine to {down} at STEPS",
                code=(f"progress = {done}", f"{height} * (1 + math.cos(math.pi * progress)) / 2"),
            )
        case WarmupStableDecay():
            return Rate(
                phrase=f"{peak}, in the last DECAY_STEPS linear to {down}",
                code=(f"{height} * min(1.0, (STEPS - step) / DECAY_STEPS)",),
            )
        case _:
            assert_never(schedule)


def _descent(schedule: Schedule) -> tuple[str, str]:
    """Where the rate goes in words, and its way there as code: what a falling share is taken of."""
    if isinstance(schedule, Decay) and schedule.end:
        return "END", "END + (PEAK - END)"
    return "zero", "PEAK"


def schedule_constants(schedule: Schedule, steps: int, peak: str) -> dict[str, str]:
    """The numbers that the rate is made of, as code, under their names."""
    constants = {}
    if schedule.warmup_steps:
        constants["WARMUP_STEPS"] = repr(schedule.warmup_steps)
    if isinstance(schedule, Decay):
        constants["STEPS"] = repr(steps)
    if isinstance(schedule, WarmupStableDecay):
        constants["DECAY_STEPS"] = repr(schedule.decay_steps)
    constants["PEAK"] = peak
    if schedule.start:
        constants["START"] = repr(schedule.start)
    if isinstance(schedule, Decay) and schedule.end:
        constants["END"] = repr(schedule.end)
    return constants
