"""The curves of runs and of specs that `specformer plot` draws, and what is missing of them."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.load import Loaded
from compiler.spec.lock import LOCK
from compiler.spec.package_files import TRAINING, read_regular
from compiler.spec.schedule import WarmupStableDecay
from compiler.spec.spec import Spec
from runtime.command.specs import spec_of_run
from runtime.errors import UserError
from runtime.system.file_lock import is_held
from runtime.training.metrics import METRICS, scan_figures

CURVES = ("loss", "perplexity", "bleu", "learning_rate", "tokens_per_second")
"""The curves by their keys in the lines of `metrics.jsonl`."""
WARMUPS = {"batch_warmup": "micro_batches", "context_warmup": "context"}
"""Keys of `training:`, and the functions of `training.py` that are there because of them."""
MOST_NAMED = 5
"""Lines that cannot be read and are named; there may be thousands."""
SAMPLES = 400
"""The updates of a schedule at which its rate is computed, beside those where it turns."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Figures of updates, measured on the training or the validation set, or set by a schedule."""

    part: str
    points: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A run or a spec with its curves by their names, and sentences about what is missing."""

    name: str
    curves: dict[str, list[Curve]]
    notes: tuple[str, ...] = ()
    is_smoothed: bool = False
    """The loss is that of smoothed labels, from which no perplexity follows."""


def is_run(reference: str) -> bool:
    """Tell whether a path is the folder of a run: it holds metrics, or a package with its lock."""
    places = (METRICS, os.path.join("package", LOCK))
    return any(os.path.isfile(os.path.join(reference, each)) for each in places)


def read_run(folder: Path) -> Source:
    """Return the curves of a run, be it finished or not.

    Raises a UserError for a run that has no figures at all.
    """
    lines = list(scan_figures(folder))
    figures = [each for _, each in lines if each is not None]
    if not figures:
        raise _no_figures(folder, lines)
    curves: dict[str, list[Curve]] = {name: [] for name in CURVES}
    for name in CURVES:
        for part in ("train", "valid"):
            own = [each for each in figures if each["kind"] == part and name in each]
            if points := tuple(_finite(own, name)):
                curves[name].append(Curve(part=part, points=points))
    found = spec_of_run(folder)
    loaded = found if isinstance(found, Loaded) else None
    spec = loaded.spec if loaded else None
    notes = (
        *_damaged(lines),
        *_not_finite(figures),
        *_absent(curves),
        *_unfinished(folder, spec, curves),
    )
    if loaded and (rates := curves["learning_rate"]) and loaded.spec.training.steps is not None:
        files = _compiled(loaded)
        if _goes_by(folder, files):
            last = max(step for step, _ in rates[0].points)
            points = _schedule(loaded, files, last, "learning_rate")
            curves["learning_rate"] = [Curve(part="schedule", points=points)]
    is_smoothed = any(_is_finite(loss := e.get("loss")) and loss != e["nll"] for e in figures)
    return Source(name=str(folder), curves=curves, notes=notes, is_smoothed=is_smoothed)


def _no_figures(folder: Path, lines: Sequence[tuple[int, object]]) -> UserError:
    """Return the error for a run of which nothing can be drawn: it is new, or damaged."""
    if lines:
        return UserError(
            f"{folder / METRICS} holds no figures: {numbered(lines)} cannot be read",
            help="the file was damaged: bring the old one back, or name another run",
        )
    return UserError(
        f"{folder / METRICS} has no figures yet",
        help="the first are written by the first validation, or before it; wait for them, or name "
        "another run",
    )


def numbered(lines: Sequence[tuple[int, object]]) -> str:
    """Return the first numbers of lines that cannot be read, in words."""
    numbers = [str(number) for number, _ in lines]
    more = ", ..." if len(numbers) > MOST_NAMED else ""
    return f"line{'s' * (len(numbers) > 1)} {', '.join(numbers[:MOST_NAMED])}{more}"


def _finite(figures: Sequence[Mapping[str, object]], key: str) -> Iterator[tuple[float, float]]:
    """Yield updates and figures; those of a resumed run that were written twice, the last time."""
    once = {step: each[key] for each in figures if isinstance(step := each["step"], int)}
    for step, value in sorted(once.items()):
        if isinstance(value, int | float) and math.isfinite(value):
            yield float(step), float(value)


def _damaged(lines: Sequence[tuple[int, object]]) -> Iterator[str]:
    if damaged := [each for each in lines if each[1] is None]:
        yield f"{numbered(damaged)} of {METRICS} cannot be read, and left out"


def _not_finite(figures: Sequence[Mapping[str, object]]) -> Iterator[str]:
    wrong = [each["step"] for each in figures if not _is_finite(each["nll"])]
    if wrong:
        yield f"the loss is no finite number at update {wrong[0]}"


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _absent(curves: Mapping[str, Sequence[Curve]]) -> Iterator[str]:
    parts = {each.part for own in curves.values() for each in own}
    if "valid" not in parts:
        yield "no validation yet: loss and perplexity are those of the training set"
    if "train" not in parts:
        yield "no figures of the training itself yet, such as its learning rate"


def _unfinished(
    folder: Path, spec: Spec | None, curves: Mapping[str, Sequence[Curve]]
) -> Iterator[str]:
    """Yield a sentence where the training goes on, or has ended before its last update."""
    last = max(point[0] for own in curves.values() for each in own for point in each.points[-1:])
    steps = spec.training.steps if spec else None
    if folder.is_dir() and is_held(folder):
        of_all = "" if steps is None else f" of {steps:,}"
        yield f"still being trained: update {last:,.0f}{of_all}"
    elif steps is not None and last < steps:
        yield f"ends at update {last:,.0f} of {steps:,}: by early stopping, or interrupted"


def _compiled(loaded: Loaded) -> Mapping[str, str]:
    """Return the files that a spec compiles to."""
    from compiler.pipeline import compile_loaded

    return compile_loaded(loaded).files


def _goes_by(folder: Path, files: Mapping[str, str]) -> bool:
    """Tell whether the code of a run's training is the one that its spec compiles to today."""
    try:
        return read_regular(folder / "package" / TRAINING) == files[TRAINING].encode()
    except OSError:
        return False


def read_spec(loaded: Loaded, name: str) -> Source:
    """Return the schedules of a spec, as the code computes them that the spec compiles to.

    Raises a UserError where the number of updates is known only when the text is prepared.
    """
    training = loaded.spec.training
    if training.minutes is not None:
        raise UserError(
            f"{name} trains for {training.length}: how many updates these are is not known",
            help="assume a number to draw the schedule: `--set training.minutes=null --set "
            "training.steps=20000`",
        )
    if training.steps is None:
        raise UserError(
            f"{name} trains for {training.epochs} epochs: how many updates these are is known only "
            "when its text is prepared",
            help="assume a number to draw the schedule: `--set training.steps=20000`",
        )
    files, names = _compiled(loaded), ["learning_rate"]
    names += [name for key, name in WARMUPS.items() if getattr(training, key) is not None]
    curves = {
        name: [Curve(part="schedule", points=_schedule(loaded, files, training.steps, name))]
        for name in names
    }
    return Source(name=loaded.spec.name, curves=curves)


def _schedule(loaded: Loaded, files: Mapping[str, str], last: float, name: str) -> Points:
    """Return what a function gives for some updates up to the last, all turns of it included."""
    from compiler.emit.schedule_function import schedule_function

    function = schedule_function(files, name)
    training, steps = loaded.spec.training, round(last)
    turns = {1, training.schedule.warmup_steps, steps}
    if isinstance(training.schedule, WarmupStableDecay):
        turns.add(training.updates - training.schedule.decay_steps)
    turns |= {each.steps + 1 for key in WARMUPS if (each := getattr(training, key)) is not None}
    updates = turns | {round(1 + (steps - 1) * each / SAMPLES) for each in range(SAMPLES + 1)}
    return tuple((step, function(step)) for step in sorted(updates) if 1 <= step <= steps)


def why_no_bleu(folder: Path) -> str:
    """Return why a run has no BLEU to draw, or nothing where that is not known."""
    loaded = spec_of_run(folder)
    if isinstance(loaded, str) or loaded.spec.training.validation.bleu:
        return ""
    if loaded.spec.task != "translation":
        return f"a {loaded.spec.task.replace('_', ' ')} has none"
    return "`training.validation.bleu` is not set"
