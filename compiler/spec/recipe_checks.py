"""Names, data, training and decoding that are each right but do not go together."""

import sys
from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.spec.anatomy import EVERY_STACK, STACKS
from compiler.spec.data import TextFiles
from compiler.spec.places import at, note
from compiler.spec.spec import Spec
from compiler.spec.training_checks import TRAINING_CHECKS

RESERVED = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "pytest", "tests", "compiler", "runtime", "generated"),
    *("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))),
}


def reserved_name(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The generated package must not hide a module that it or its tests import."""
    if spec.name.replace("-", "_") in RESERVED:
        yield Diagnostic(
            code="reserved-name",
            message=f"`{spec.name}` is the name of a module, or of no file",
            span=at(root, "name"),
            help=f"choose another, for example `my-{spec.name}`",
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


RECIPE_CHECKS = (
    corpora_of_the_task,
    reserved_name,
    batch_holds_a_sentence,
    validation_metric,
    translation_lengths,
    *TRAINING_CHECKS,
)
