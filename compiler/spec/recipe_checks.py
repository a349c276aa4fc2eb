"""Names, data, training and decoding that are each right but do not go together."""

import re
import sys
from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake, quoted
from compiler.source.node import Node, find, place_of_key, to_python
from compiler.spec.data import corpus_path, sides_of
from compiler.spec.decoding import Sampling
from compiler.spec.paths import as_written, at, note
from compiler.spec.running_text_checks import RUNNING_TEXT_CHECKS
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.spec.training_checks import TRAINING_CHECKS

RESERVED = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "pytest", "tests", "compiler", "runtime", "generated"),
    *("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))),
}
SHORTEST_WITH_BOTH_ENDS = 3
NAME_OF_A_TEST_SET = r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}"
TAKEN = ("train", "valid", "test")


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
    task = TASKS[spec.task]
    for name, corpus in spec.data.corpora.items():
        path = corpus_path(name)
        if not isinstance(task.adapt(corpus), task.corpora):
            yield mistake(
                at(root, *path),
                "wrong-corpus",
                f"`task: {spec.task}` is learned from {task.text}",
                _form_of_the_task(spec, root, path),
            )


def _form_of_the_task(spec: Spec, root: Node, path: tuple[str, ...]) -> str:
    from compiler.spec.remedy import corpus, to_write  # imported late: only errors need it

    node = find(root, path)
    form = corpus(path, to_python(node) if node else None, spec.task)
    return to_write(root, {path: form}, (), at(root, *path).source, spec.task)


def names_of_test_sets(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Names of test sets become parts of file names; `test`, `valid` and `train` are reserved."""
    for name in spec.data.tests or {}:
        place = place_of_key(root, ("data", "tests", name))
        if name in TAKEN:
            help = f"write `{name}:` beside `tests:`, or choose another name"
            message = f"`{name}` is the name of `data.{name}`"
            yield mistake(place, "reserved-name", message, help)
        elif not re.fullmatch(NAME_OF_A_TEST_SET, name):
            yield mistake(
                place,
                "reserved-name",
                "the name of a test set has at most 60 letters, digits, points, hyphens and "
                f"underscores, got {quoted(name)}",
                "it becomes part of the name of a file in the run: evaluation-NAME.json",
            )


def texts_that_differ(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Source and target, or text and label, must be two texts."""
    for name, corpus in spec.data.corpora.items():
        one, other = sides_of(corpus)
        if one and getattr(corpus, one) == getattr(corpus, other):
            yield mistake(
                at(root, *corpus_path(name), other),
                "one-text",
                f"`{one}` and `{other}` of `data.{name}` are the same text",
                "name the other text; if copying is to be learned, give a copy of the file",
            )


def references_are_for_scores(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Training takes one translation of each sentence."""
    for key in ("references", "reference_columns"):
        if getattr(spec.data.train, key, None) is not None:
            yield mistake(
                at(root, "data", "train", key),
                "unused-key",
                f"`{key}` has no effect on `data.train`: it is for scores alone",
                "remove it; to learn from several translations, list their files and repeat the "
                "source's",
            )


def room_for_a_token(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Require room for a token between the two symbols around what an encoder alone reads."""
    is_whole = TASKS[spec.task].reads_whole_texts
    if is_whole and spec.data.max_length < SHORTEST_WITH_BOTH_ENDS:
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
    metric, known = spec.evaluation.metric, TASKS[spec.task].scores
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
        has_bleu = ("training", "validation", "bleu") in TASKS[spec.task].own
        help = "write `bleu: true`: the validation set is translated at each look"
        yield Diagnostic(
            code="unmeasured-metric",
            message="`metric: bleu` needs `bleu: true`",
            span=at(root, "training", "validation", "metric"),
            help=help if has_bleu else "choose `loss` or `accuracy`",
        )


def one_best_checkpoint(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """`average_last` takes the mean of the last checkpoints, but `best` is a single one."""
    evaluation = spec.evaluation
    if evaluation.checkpoint == "best" and evaluation.average_last > 1:
        place = at(root, "evaluation", "checkpoint")
        one = as_written(place, "evaluation.average_last", 1)
        last = as_written(place, "evaluation.checkpoint", "last")
        yield Diagnostic(
            code="mean-of-the-best",
            message=f"`checkpoint: best` is a single checkpoint, but `average_last` is "
            f"{evaluation.average_last}",
            span=place,
            notes=note("the mean of this many", root, "evaluation", "average_last"),
            help=f"write {one}, or {last} for the mean of the last ones",
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
    decoding, rows = spec.decoding, spec.model.vocabulary.size
    top_k = decoding.top_k if isinstance(decoding, Sampling) else None
    if top_k is None or rows is None or top_k < rows:
        return
    yield Diagnostic(
        code="unused-key",
        message=f"`top_k: {top_k}` has no effect: the vocabulary has {rows} rows",
        span=at(root, "decoding", "top_k"),
        notes=note("the vocabulary", root, "model", "vocabulary", "size"),
        help="remove it: by default all tokens can be drawn",
    )


def draws(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Texts that are compared with references are not drawn."""
    kind, task = spec.decoding.kind, TASKS[spec.task]
    if spec.decoding.draws and ("decoding",) in task.own and not task.draws:
        tasks = " and ".join(f"`{name}`" for name, each in TASKS.items() if each.draws)
        yield mistake(
            at(root, "decoding", "kind"),
            "unused-key",
            f"`kind: {kind}` is not for `task: {spec.task}`: its texts are compared with others",
            f"remove it: drawing tokens is for {tasks}",
        )


def repetitions(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A penalty that divides by 1 is none."""
    if spec.decoding.repetition_penalty == 1:
        yield Diagnostic(
            code="unused-key",
            message="`repetition_penalty: 1` has no effect: it divides logits by 1",
            span=at(root, "decoding", "repetition_penalty"),
            help="remove it; above 1, tokens that a text already has become less likely",
            severity="warning",
        )


def prefix_of_spaces(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Spaces alone are no token."""
    prefix = spec.decoding.prefix
    if isinstance(prefix, str) and not prefix.strip():
        message = "`prefix` has no effect: it has no token, only spaces"
        help = "remove it, or name the words that every translation begins with"
        yield mistake(at(root, "decoding", "prefix"), "unused-key", message, help)


RECIPE_CHECKS = (
    corpora_of_the_task,
    names_of_test_sets,
    texts_that_differ,
    references_are_for_scores,
    room_for_a_token,
    masked_shares,
    headline,
    reserved_name,
    batch_holds_a_sentence,
    validation_metric,
    one_best_checkpoint,
    translation_lengths,
    draws,
    tokens_to_draw,
    repetitions,
    prefix_of_spaces,
    *RUNNING_TEXT_CHECKS,
    *TRAINING_CHECKS,
)
