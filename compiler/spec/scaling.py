"""Gives a training another length: a schedule of the same shape, or epochs counted in updates."""

from dataclasses import replace

from compiler.source.diagnostic import Rejected
from compiler.spec.load import Loaded
from compiler.spec.schedule import InverseSquareRoot, WarmupStableDecay
from compiler.spec.training import Training
from compiler.spec.training_checks import TRAINING_CHECKS


def lasting(loaded: Loaded, steps: int, *, keeps_epochs: bool = True) -> Loaded:
    """The spec with `steps` updates, the number that its epochs amount to.

    Raises `Rejected` where the other settings of the training do not fit that length.
    """
    epochs = loaded.spec.training.epochs if keeps_epochs else None
    training = loaded.spec.training.model_copy(update={"steps": steps, "epochs": epochs})
    spec = loaded.spec.model_copy(update={"training": training})
    found = [each for check in TRAINING_CHECKS for each in check(spec, loaded.tree)]
    if any(each.severity == "error" for each in found):
        raise Rejected(found)
    return replace(loaded, spec=spec)


def scaled(training: Training, steps: int) -> dict[str, int | float | str]:
    """The settings, by dotted key, that make a complete recipe `steps` updates long.

    Warm-ups, decay and the time between two looks change in proportion. The peak stays: by default
    it would follow the warm-up. Where only epochs or minutes are known, the warm-up is taken for a
    tenth of them.
    """
    whole = training.steps or max(steps, 10 * training.schedule.warmup_steps)
    schedule, every = training.schedule, training.validation.every
    warmup = _share(schedule.warmup_steps, whole, steps)
    if steps == 1 and not isinstance(schedule, InverseSquareRoot):
        warmup = 0
    settings: dict[str, int | float | str] = {
        "training.steps": steps,
        **({"training.minutes": "null"} if training.minutes is not None else {}),
        "training.schedule.warmup_steps": warmup,
    }
    if schedule.peak is not None:
        settings["training.schedule.peak"] = schedule.peak
    if not warmup and schedule.start:
        settings["training.schedule.start"] = 0.0  # without warm-up no update has this rate
    if isinstance(schedule, WarmupStableDecay):
        decay = _share(schedule.decay_steps, whole, steps)
        settings["training.schedule.decay_steps"] = min(decay, steps - warmup)
    for name in ("batch_warmup", "context_warmup"):
        if (growth := getattr(training, name)) is not None:
            settings[f"training.{name}.steps"] = _share(growth.steps, whole, steps)
    if every != "epoch":
        settings["training.validation.every"] = _share(every, whole, steps)
    return settings


def _share(length: int, whole: int, steps: int) -> int:
    """The length scaled by `steps / whole`, but at least 1 unless it is 0."""
    return max(1, length * steps // whole) if length else 0
