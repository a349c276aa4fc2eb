"""Settings of `training:` that are each right but do not go together."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, find
from compiler.spec.defaults import paper_peak, width_of_rate
from compiler.spec.paths import as_written, at, note
from compiler.spec.schedule import (
    Constant,
    Cosine,
    InverseSquareRoot,
    Linear,
    Schedule,
    WarmupStableDecay,
)
from compiler.spec.spec import Spec
from compiler.spec.training import Training

LOWEST_PEAK, HIGHEST_PEAK = 1e-7, 0.05
ROWS_OF_TENSOR_CORES = 8
LARGE_VOCABULARY = 4096
"""Rows from which on the output layer takes a large share of an update."""


def length(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """`steps`, `epochs` or `minutes` must say how long the training is."""
    training = spec.training
    if training.steps is None and training.epochs is None and training.minutes is None:
        message = "`training.steps` is missing: the training would never end"
        help = "write `steps: 100000` below `training`, in updates, or `epochs: 10`"
        yield mistake(at(root, "training"), "missing-key", message, help)


def one_length(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A training lasts some time or some updates."""
    training = spec.training
    if training.minutes is None:
        return
    place = at(root, "training", "minutes")
    for key in ("steps", "epochs"):
        if getattr(training, key) is not None:
            yield Diagnostic(
                code="two-lengths",
                message=f"`minutes` and `{key}` each say how long the training is",
                span=place,
                notes=note("the other length", root, "training", key),
                help=f"write {as_written(place, f'training.{key}', 'null', whole=True)}, or leave "
                "`minutes` out",
            )
    if isinstance(training.schedule, WarmupStableDecay):
        yield Diagnostic(
            code="two-lengths",
            message=f"`decay_steps` counts updates, and how many there are in "
            f"{training.minutes:g} minutes is not known",
            span=at(root, "training", "schedule", "decay_steps"),
            notes=note("the length", root, "training", "minutes"),
            help="choose `kind: linear` or `kind: cosine` without `decay_steps`: they come down by "
            "the share of the time that is spent",
        )


def schedule_free(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A mean of weights takes the place of a schedule and of another mean."""
    training = spec.training
    if not training.optimizer.IS_AVERAGE:
        return
    kind = training.optimizer.kind
    if not isinstance(training.schedule, Constant):
        place = at(root, "training", "schedule")
        constant = as_written(place, "training.schedule.kind", "constant", whole=True)
        yield mistake(
            place,
            "schedule-free",
            f"`{kind}` has no schedule, and this one is `{training.schedule.kind}`",
            f"write {constant}; a warm-up may come before",
        )
    if training.ema is not None:
        place = at(root, "training", "ema")
        none = as_written(place, "training.ema", "null", whole=True)
        yield mistake(
            place,
            "schedule-free",
            f"`ema` is a mean of weights, and the weights of `{kind}` are one already",
            f"remove it, or write {none}",
        )


def batch_warmup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Batches grow by whole micro-batches, and epochs then do not tell the number of updates."""
    training = spec.training
    if training.batch_warmup is None:
        return
    place = at(root, "training", "batch_warmup")
    if training.accumulate == 1:
        yield mistake(
            place,
            "unused-key",
            "`batch_warmup` has no effect: batches grow by micro-batches, and `accumulate` is 1",
            f"write {as_written(place, 'training.accumulate', 4)}, or remove it",
        )
    if training.epochs is not None:
        yield mistake(
            place,
            "unknown-length",
            "`batch_warmup` changes the number of batches of an update, so that `epochs` do not "
            "tell how many updates there are",
            "write `steps` instead of `epochs` below `training`",
        )


def context_warmup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Texts of language models alone are cut, and only such as are longer than the first pieces."""
    warmup, longest = spec.training.context_warmup, spec.data.max_length
    if warmup is None:
        return
    if spec.task != "language_model":
        yield mistake(
            at(root, "training", "context_warmup"),
            "unused-key",
            "`context_warmup` has no effect: only texts of a language model can be cut",
            "remove it",
        )
    elif warmup.start >= longest:
        yield Diagnostic(
            code="unused-key",
            message=f"`context_warmup` has no effect: texts have at most {longest} tokens",
            span=at(root, "training", "context_warmup", "start"),
            notes=note("decides it", root, "data", "max_length"),
            help=f"write `start: {max(1, longest // 4)}`, or remove it",
        )


def warmup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Warm-up must end before training does, and leave a line an update to go down."""
    schedule, steps = spec.training.schedule, spec.training.steps
    longest = schedule.warmup_steps
    if steps is None:
        return
    if longest + isinstance(schedule, Linear | Cosine) > steps:
        yield Diagnostic(
            code="long-warmup",
            message=f"the warm-up of {_updates(longest)}{_unsaid(root, 'warmup_steps')} is longer "
            f"than the training of {steps}",
            span=at(root, "training", "schedule", "warmup_steps"),
            notes=note("the whole training", root, "training", "steps"),
            help="the learning rate would never reach its peak: write `training.schedule."
            f"warmup_steps: {_shorter(schedule, steps)}`, or try a spec out with "
            f"`specformer train --steps {steps}`, which shortens the schedule",
        )
    elif isinstance(schedule, WarmupStableDecay) and longest + schedule.decay_steps > steps:
        yield Diagnostic(
            code="long-decay",
            message=f"{_updates(longest)} of warm-up and {schedule.decay_steps} of decay are more "
            f"than the training of {steps}",
            span=at(root, "training", "schedule", "decay_steps"),
            notes=note("the whole training", root, "training", "steps"),
            help=f"at most {steps - longest} are left for the decay",
        )


def _unsaid(root: Node, key: str) -> str:
    """Names a setting of the schedule whose default is used, as the spec does not show it."""
    is_written = find(root, ("training", "schedule", key)) is not None
    return "" if is_written else f" (the default of `training.schedule.{key}`)"


def _shorter(schedule: Schedule, steps: int) -> int:
    """A warm-up that fits: a tenth of the training, at least one update where one is needed."""
    return max(steps // 10, int(steps > 1 or isinstance(schedule, InverseSquareRoot)))


def given_peak(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The paper's formula is for Adam, and divides by the warm-up."""
    schedule, optimizer = spec.training.schedule, spec.training.optimizer
    if schedule.peak is not None:
        return
    if optimizer.USUAL_PEAK is not None:
        message = f"`{optimizer.kind}` needs a `peak`: the paper's formula is for Adam"
        help = f"`peak: {optimizer.USUAL_PEAK}` is a usual one"
        yield mistake(at(root, "training", "schedule"), "no-peak", message, help)
    elif not schedule.warmup_steps:
        message = "a schedule without warm-up needs a `peak`"
        help = "the paper's is d_model^-0.5 * warmup_steps^-0.5"
        yield mistake(at(root, "training", "schedule"), "no-peak", message, help)


def schedule_peak(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Factors of other tools' schedules are taken for learning rates."""
    schedule, peak = spec.training.schedule, spec.training.schedule.peak
    is_adam = spec.training.optimizer.USUAL_PEAK is None
    if is_adam and peak is not None and not LOWEST_PEAK < peak < HIGHEST_PEAK:
        usual = paper_peak(width_of_rate(spec.model), schedule.warmup_steps)
        yield Diagnostic(
            code="strange-peak",
            message=f"a learning rate of {peak:g} has never trained a Transformer",
            span=at(root, "training", "schedule", "peak"),
            help=f"`peak` is the highest learning rate itself; the paper's would be {usual:.1e}",
            severity="warning",
        )


def capped_peak(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The optimizer may take the least of the rate and step^-0.5."""
    peak, last = spec.training.schedule.peak, _last_at_peak(spec.training)
    optimizer = spec.training.optimizer
    if not optimizer.IS_CAPPED or peak is None or last is None:
        return
    if peak > (most := last**-0.5):
        yield Diagnostic(
            code="capped-peak",
            message=f"{type(optimizer).__name__}'s rate is at most step^-0.5, and that is "
            f"{most:.2g} at update {last}, where the schedule says {peak:g}",
            span=at(root, "training", "schedule", "peak"),
            help="lower `peak`, or let the rate fall earlier",
            severity="warning",
        )


def late_look(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A training always ends with a look at the validation set; an interval may allow no other."""
    every, steps = spec.training.validation.every, spec.training.steps
    if isinstance(every, int) and steps is not None and every > steps:
        yield Diagnostic(
            code="late-look",
            message=f"`every: {every}` has no effect: the training ends after {_updates(steps)}",
            span=at(root, "training", "validation", "every"),
            notes=note("the whole training", root, "training", "steps"),
            help="the validation set is looked at once, at the end; lower `every` for more looks",
            severity="warning",
        )


def unreached_looks(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A patience for more looks than there are."""
    training, validation = spec.training, spec.training.validation
    most, steps = _looks(training), training.steps
    if most is None or (isinstance(validation.every, int) and validation.every > (steps or 0)):
        return
    lasts = f"the training has at most {most} look{'s' if most > 1 else ''} at the validation set"
    if validation.patience is not None and validation.patience >= most:
        yield Diagnostic(
            code="late-look",
            message=f"`patience: {validation.patience}` has no effect: {lasts}",
            span=at(root, "training", "validation", "patience"),
            help="remove it, lower it, or lower `every` for more looks",
            severity="warning",
        )


def packed_in_float32(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The kernel of a GPU for packed sentences takes numbers of 16 bits alone."""
    if spec.training.batching == "packed" and spec.training.precision == "float32":
        place = at(root, "training", "batching")
        auto = as_written(place, "training.precision", "auto")
        bfloat16 = as_written(place, "training.precision", "bfloat16")
        batching = as_written(place, "training.batching", "auto")
        yield Diagnostic(
            code="not-packed",
            message="on a GPU padded batches take the place of packed ones: its kernel for packed "
            "sentences takes no float32",
            span=place,
            notes=note("the precision", root, "training", "precision"),
            help=f"write {auto} or {bfloat16}, or {batching}",
            severity="warning",
        )


def uneven_vocabulary(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Tensor cores of GPUs multiply rows of 16 bytes, which are eight numbers in bfloat16."""
    vocabulary = spec.model.vocabulary
    key = "size" if vocabulary.shared else "target"
    rows = getattr(vocabulary, key) or 0
    is_projected = not spec.model.is_pooled
    if spec.training.precision == "float32" or not is_projected or rows < LARGE_VOCABULARY:
        return
    if rows % ROWS_OF_TENSOR_CORES:
        even = rows + -rows % ROWS_OF_TENSOR_CORES
        place = at(root, "model", "vocabulary", key)
        size = as_written(place, f"model.vocabulary.{key}", even)
        precision = as_written(place, "training.precision", "float32", whole=True)
        yield Diagnostic(
            code="uneven-vocabulary",
            message=f"{rows:,} rows are no multiple of {ROWS_OF_TENSOR_CORES}: in bfloat16 on a "
            "GPU the product of the output layer, the largest, takes 2 to 4 times as long",
            span=place,
            help=f"write {size}, or {precision} if it trains on a CPU",
            severity="warning",
        )


def _looks(training: Training) -> int | None:
    """The largest number of looks; None while it depends on the text."""
    every = training.validation.every
    if every == "epoch":
        return training.epochs
    return None if training.steps is None else -(-training.steps // every)


def _last_at_peak(training: Training) -> int | None:
    """The last update that has the highest rate; None while it depends on the text."""
    match training.schedule:
        case Constant():
            return training.steps
        case WarmupStableDecay(decay_steps=decay_steps):
            return None if training.steps is None else max(training.steps - decay_steps, 1)
        case schedule:
            return max(schedule.warmup_steps, 1)


TRAINING_CHECKS = (
    length,
    one_length,
    schedule_free,
    batch_warmup,
    context_warmup,
    warmup,
    given_peak,
    schedule_peak,
    capped_peak,
    late_look,
    unreached_looks,
    packed_in_float32,
    uneven_vocabulary,
)


def _updates(number: int) -> str:
    return f"{number} update{'' if number == 1 else 's'}"
