"""Names, data, training and decoding that are each right but do not go together."""

import sys
from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.spec.anatomy import EVERY_STACK, STACKS
from compiler.spec.complete import paper_peak
from compiler.spec.data import TextFiles
from compiler.spec.places import at, note
from compiler.spec.spec import Spec
from compiler.spec.training import Linear

RESERVED = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "pytest", "tests", "compiler", "runtime", "generated"),
    *("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))),
}
LOWEST_PEAK, HIGHEST_PEAK = 1e-7, 0.05


def reserved_name(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The generated package must not hide a module that it or its tests import."""
    if spec.name.replace("-", "_") in RESERVED:
        yield Diagnostic(
            code="reserved-name",
            message=f"`{spec.name}` is the name of a module, or of no file",
            span=at(root, "name"),
            help=f"choose another, for example `my-{spec.name}`",
        )


def warmup(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Warm-up must end before training does, and leave a line an update to go down."""
    schedule, steps = spec.training.schedule, spec.training.steps
    longest = schedule.warmup_steps
    if longest + isinstance(schedule, Linear) > steps:
        yield Diagnostic(
            code="long-warmup",
            message=f"the warm-up of {longest} updates is longer than the training of {steps}",
            span=at(root, "training", "schedule", "warmup_steps"),
            notes=note("the whole training", root, "training", "steps"),
            help="the learning rate would never reach its peak",
        )


def corpora_of_the_task(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Pairs of sentences for translation, texts for other tasks."""
    is_pair = STACKS[spec.task] == EVERY_STACK
    for part in ("train", "valid", "test"):
        if isinstance(getattr(spec.data, part), TextFiles) == is_pair:
            wanted = "pairs: `source` and `target`, or `tsv`" if is_pair else "texts: `text`"
            yield mistake(
                at(root, "data", part),
                "wrong-corpus",
                f"`task: {spec.task}` is learned from {wanted}",
            )


def batch_holds_a_sentence(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A micro-batch must hold the longest sentence that is kept."""
    micro = spec.training.micro_batch_tokens
    if micro < spec.data.max_length:
        yield Diagnostic(
            code="small-batch",
            message=f"a micro-batch of {micro} tokens cannot hold a sentence of "
            f"{spec.data.max_length}",
            span=at(root, "training", "batch_tokens"),
            help="lower `data.max_length` or `training.accumulate`, or raise "
            "`training.batch_tokens`",
        )


def validation_metric(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The best by BLEU can only be chosen if BLEU is measured."""
    validation = spec.training.validation
    if validation.metric == "bleu" and not validation.bleu:
        yield Diagnostic(
            code="unmeasured-metric",
            message="`metric: bleu` needs `bleu: true`",
            span=at(root, "training", "validation", "metric"),
            help="write `bleu: true`: the validation set is translated at each look",
        )


def translation_lengths(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """There must be a length between the least and the most."""
    least, most = spec.decoding.min_length, spec.decoding.max_length
    if most is not None and least > most:
        yield Diagnostic(
            code="no-length",
            message=f"no translation has at least {least} and at most {most} tokens",
            span=at(root, "decoding", "min_length"),
            notes=note("the most", root, "decoding", "max_length"),
            help=f"lower `min_length` to {most}, or raise `max_length`",
        )


def schedule_peak(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Factors of other tools' schedules are taken for learning rates."""
    peak = spec.training.schedule.peak
    if peak is not None and not LOWEST_PEAK < peak < HIGHEST_PEAK:
        schedule = spec.training.schedule
        usual = paper_peak(spec.model.d_model, schedule.warmup_steps)
        yield Diagnostic(
            code="strange-peak",
            message=f"a learning rate of {peak:g} has never trained a Transformer",
            span=at(root, "training", "schedule", "peak"),
            help=f"`peak` is the highest learning rate itself; the paper's would be {usual:.1e}",
            severity="warning",
        )


RECIPE_CHECKS = (
    corpora_of_the_task,
    reserved_name,
    warmup,
    batch_holds_a_sentence,
    validation_metric,
    translation_lengths,
    schedule_peak,
)
