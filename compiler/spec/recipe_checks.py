"""Names, data, training and decoding that are each right but do not go together."""

import sys
from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, find, to_python
from compiler.source.write import flow
from compiler.spec.anatomy import METRICS
from compiler.spec.data import CORPORA, TabSeparated
from compiler.spec.places import at, note
from compiler.spec.spec import Spec
from compiler.spec.training_checks import TRAINING_CHECKS

RESERVED = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "pytest", "tests", "compiler", "runtime", "generated"),
    *("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))),
}
SHORTEST_WITH_BOTH_ENDS = 3


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
    """Pairs of sentences for translation, texts for language models, labelled ones for classes."""
    forms, wanted = CORPORA[spec.task]
    for part in ("train", "valid", "test"):
        if not isinstance(getattr(spec.data, part), forms) and not _is_bare_tsv(spec, root, part):
            yield mistake(
                at(root, "data", part),
                "wrong-corpus",
                f"`task: {spec.task}` is learned from {wanted}",
                _form_of_the_task(spec, root, part),
            )


def _form_of_the_task(spec: Spec, root: Node, part: str) -> str:
    from compiler.spec.remedy import corpus  # for mistakes alone

    node = find(root, ("data", part))
    form = corpus(("data", part), to_python(node) if node else None, spec.task)
    return f"write `{flow({part: form})[1:-1]}` below `data`"


def _is_bare_tsv(spec: Spec, root: Node, part: str) -> bool:
    """Whether a classifier is given columns without a word on which is which."""
    columns = (find(root, ("data", part, key)) for key in ("source_column", "target_column"))
    is_tsv = isinstance(getattr(spec.data, part), TabSeparated)
    return spec.task == "classification" and is_tsv and not any(columns)


def room_for_a_token(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """What an encoder alone reads stands between two symbols."""
    has_both = spec.task in ("masked_language_model", "classification")
    if has_both and spec.data.max_length < SHORTEST_WITH_BOTH_ENDS:
        yield mistake(
            at(root, "data", "max_length"),
            "no-length",
            f"{spec.data.max_length} tokens leave none for text between its two symbols",
            f"set it to at least {SHORTEST_WITH_BOTH_ENDS}",
        )


def masked_shares(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A token that is predicted becomes the mask, or any token, or stays."""
    masking = spec.training.masking
    if masking is not None and masking.mask + masking.random > 1:
        yield mistake(
            at(root, "training", "masking"),
            "too-much-masked",
            f"`mask` {masking.mask:g} and `random` {masking.random:g} are more than 1 together",
            "they are shares of the same tokens; those that are left stay as they are",
        )


def headline(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Each task has scores of its own."""
    metric, known = spec.evaluation.metric, METRICS[spec.task]
    if metric is not None and metric not in known:
        yield mistake(
            at(root, "evaluation", "metric"),
            "unmeasured-metric",
            f"`{metric}` is no score of `task: {spec.task}`",
            f"choose {' or '.join(f'`{each}`' for each in known)}",
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
        help = "write `bleu: true`: the validation set is translated at each look"
        yield Diagnostic(
            code="unmeasured-metric",
            message="`metric: bleu` needs `bleu: true`",
            span=at(root, "training", "validation", "metric"),
            help=help if spec.task == "translation" else "choose `loss` or `accuracy`",
        )


def one_best_checkpoint(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A mean is taken of the last checkpoints, and the best is one."""
    evaluation = spec.evaluation
    if evaluation.checkpoint == "best" and evaluation.average_last > 1:
        yield Diagnostic(
            code="mean-of-the-best",
            message=f"`checkpoint: best` is a single one, and `average_last` is "
            f"{evaluation.average_last}",
            span=at(root, "evaluation", "checkpoint"),
            notes=note("the mean of so many", root, "evaluation", "average_last"),
            help="write `average_last: 1`, or `checkpoint: last` for the mean of the last ones",
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


def tokens_to_draw(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Drawing among more tokens than there are is drawing among all."""
    sampling, rows = spec.decoding.sampling, spec.model.vocabulary.size
    if sampling is None or sampling.top_k is None or rows is None or sampling.top_k < rows:
        return
    yield Diagnostic(
        code="moot-key",
        message=f"`top_k: {sampling.top_k}` has no effect: the vocabulary has {rows} rows",
        span=at(root, "decoding", "sampling", "top_k"),
        notes=note("the vocabulary", root, "model", "vocabulary", "size"),
        help="remove it: by default all tokens can be drawn",
    )


RECIPE_CHECKS = (
    corpora_of_the_task,
    room_for_a_token,
    masked_shares,
    headline,
    reserved_name,
    batch_holds_a_sentence,
    validation_metric,
    one_best_checkpoint,
    translation_lengths,
    tokens_to_draw,
    *TRAINING_CHECKS,
)
