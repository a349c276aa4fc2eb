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
    needs_share: bool = False
    imports: tuple[str, ...] = ()


def rate(schedule: Schedule) -> Rate:
    """Return the rate of a kind of schedule after its warm-up, or of all updates."""
    match schedule:
        case InverseSquareRoot():
            phrase = "by step^-0.5 (Vaswani et al. 2017, section 5.3)"
            return Rate(phrase=phrase, code=("PEAK * (WARMUP_STEPS / step) ** 0.5",))
        case Constant():
            needs_step = schedule.warmup_steps > 0
            return Rate(phrase="constant", code=("PEAK",), needs_step=needs_step)
        case Linear():
            return _linear(schedule)
        case Cosine():
            return _cosine(schedule)
        case WarmupStableDecay():
            return _stable_decay(schedule)
        case _:
            assert_never(schedule)


def rate_by_time(schedule: Decay) -> Rate:
    """Return the rate of a schedule that comes down by the share of the time that is spent.

    The warm-up is counted in updates, and is a part of it.
    """
    low = "END" if schedule.end else ""
    lines = list[str]()
    if schedule.warmup_steps:
        rise = "min(1.0, step / WARMUP_STEPS)"
        start = "START + (PEAK - START)" if schedule.start else "PEAK"
        lines.append(f"peak = {start} * {rise}")
    peak = "peak" if schedule.warmup_steps else "PEAK"
    height = f"END + ({peak} - END)" if low else peak
    is_cosine = isinstance(schedule, Cosine)
    fall = "(1 + math.cos(math.pi * share)) / 2" if is_cosine else "(1 - share)"
    down = f"to {low or 'zero'} with the share of the time that is spent"
    return Rate(
        phrase=f"{_origin(schedule)}{'by a cosine' if is_cosine else 'linear'} {down}",
        code=(*lines, f"{height} * {fall}"),
        needs_step=schedule.warmup_steps > 0,
        needs_share=True,
        imports=("math",) if is_cosine else (),
    )


def _linear(schedule: Linear) -> Rate:
    down, height = _descent(schedule)
    span = "(STEPS - WARMUP_STEPS)" if schedule.warmup_steps else "STEPS"
    return Rate(
        phrase=f"{_origin(schedule)}linear to {down} at STEPS",
        code=(f"{height} * (STEPS - step) / {span}",),
    )


def _cosine(schedule: Cosine) -> Rate:
    down, height = _descent(schedule)
    later = "(step - WARMUP_STEPS) / (STEPS - WARMUP_STEPS)"
    return Rate(
        phrase=f"{_origin(schedule)}by a cosine to {down} at STEPS",
        code=(
            f"progress = {later if schedule.warmup_steps else 'step / STEPS'}",
            f"{height} * (1 + math.cos(math.pi * progress)) / 2",
        ),
        imports=("math",),
    )


def _stable_decay(schedule: WarmupStableDecay) -> Rate:
    down, height = _descent(schedule)
    stable = "constant" if schedule.warmup_steps else "PEAK"
    return Rate(
        phrase=f"{stable}, in the last DECAY_STEPS linear to {down}",
        code=(f"{height} * min(1.0, (STEPS - step) / DECAY_STEPS)",),
    )


def _origin(schedule: Decay) -> str:
    """Return the words for the begin of the descent, where no warm-up has named it."""
    return "" if schedule.warmup_steps else "from PEAK "


def _descent(schedule: Decay) -> tuple[str, str]:
    """Return the lowest rate in words, and the code of which a falling share is taken."""
    return ("END", "END + (PEAK - END)") if schedule.end else ("zero", "PEAK")


def schedule_constants(
    schedule: Schedule, steps: int | None, peak: str, *, is_by_time: bool
) -> dict[str, str]:
    """The numbers that the rate is made of, as code, under their names."""
    constants = {}
    if schedule.warmup_steps:
        constants["WARMUP_STEPS"] = repr(schedule.warmup_steps)
    if isinstance(schedule, Decay) and not is_by_time:
        constants["STEPS: int | None" if steps is None else "STEPS"] = repr(steps)
    if isinstance(schedule, WarmupStableDecay):
        constants["DECAY_STEPS"] = repr(schedule.decay_steps)
    constants["PEAK"] = peak
    if schedule.start:
        constants["START"] = repr(schedule.start)
    if isinstance(schedule, Decay) and schedule.end:
        constants["END"] = repr(schedule.end)
    return constants
