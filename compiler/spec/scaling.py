"""A training of another length whose schedule has the same shape."""

from compiler.spec.schedule import InverseSquareRoot, WarmupStableDecay
from compiler.spec.training import Training


def scaled(training: Training, steps: int) -> dict[str, int | float]:
    """The settings, by dotted key, that make a complete recipe `steps` updates long.

    Warm-up, decay and the time between two looks change in proportion. The peak stays: by default
    it would follow the warm-up.
    """
    schedule, every = training.schedule, training.validation.every
    warmup = _share(schedule.warmup_steps, training.steps, steps)
    if steps == 1 and not isinstance(schedule, InverseSquareRoot):
        warmup = 0
    settings: dict[str, int | float] = {
        "training.steps": steps,
        "training.schedule.warmup_steps": warmup,
    }
    if schedule.peak is not None:
        settings["training.schedule.peak"] = schedule.peak
    if not warmup and schedule.start:
        settings["training.schedule.start"] = 0.0  # no update would have it
    if isinstance(schedule, WarmupStableDecay):
        decay = _share(schedule.decay_steps, training.steps, steps)
        settings["training.schedule.decay_steps"] = min(decay, steps - warmup)
    if every != "epoch":
        settings["training.validation.every"] = _share(every, training.steps, steps)
    return settings


def _share(length: int, whole: int, steps: int) -> int:
    """As much of `steps` as `length` is of `whole`, and no length becomes none."""
    return max(1, length * steps // whole) if length else 0
