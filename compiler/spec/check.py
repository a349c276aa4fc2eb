"""Settings that are each right but do not go together."""

import sys
from collections.abc import Callable, Iterator

from compiler.mask.parse import parse
from compiler.mask.relation import empty_row
from compiler.source.diagnostic import Diagnostic, Note, mistake
from compiler.source.node import Node, Path, deepest, find
from compiler.source.span import Span
from compiler.spec.model import Attention, LearnedPosition, SinusoidalPosition
from compiler.spec.spec import Spec
from compiler.spec.training_checks import TRAINING_CHECKS

RESERVED = {
    *sys.stdlib_module_names,
    *("torch", "numpy", "pytest", "tests", "compiler", "runtime", "generated"),
    *("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))),
}

Check = Callable[[Spec, Node], Iterator[Diagnostic]]


def check(spec: Spec, root: Node) -> list[Diagnostic]:
    """All that is wrong with the meaning of a spec, with places in its tree."""
    return [diagnostic for each in CHECKS for diagnostic in each(spec, root)]


def _at(root: Node, *path: str | int) -> Span:
    return deepest(root, path).span


def _note(text: str, root: Node, *path: str | int) -> tuple[Note, ...]:
    """The place of a setting that has a part in the mistake; a default has none."""
    node = find(root, path)
    return (Note(span=node.span, text=text),) if node else ()


def reserved_name(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The generated package must not hide a module that it or its tests import."""
    if spec.name.replace("-", "_") in RESERVED:
        yield Diagnostic(
            code="reserved-name",
            message=f"`{spec.name}` is the name of a module, or of no file",
            span=_at(root, "name"),
            help=f"choose another, for example `my-{spec.name}`",
        )


def even_heads(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """d_k and d_v default to an equal share of d_model."""
    width = spec.model.d_model
    for path, attention in attentions(spec):
        left = width % attention.heads
        if left and (attention.d_k is None or attention.d_v is None):
            near = _nearest_divisor(width, attention.heads)
            yield Diagnostic(
                code="uneven-heads",
                message=f"{attention.heads} heads cannot share d_model {width} ({left} left over)",
                span=_at(root, *path, "heads"),
                notes=_note("the width to share", root, "model", "d_model"),
                help=f"{_shares(width, near)}; or set `d_k` and `d_v` to free them from `d_model`",
            )


def _shares(width: int, heads: int) -> str:
    return f"{heads} heads would each get {width // heads}" if heads > 1 else "1 head would get all"


def _nearest_divisor(width: int, heads: int) -> int:
    """1 divides every width, so the search downwards ends."""
    down = next(each for each in range(min(heads, width), 0, -1) if width % each == 0)
    return next((each for each in range(heads, 2 * heads - down) if width % each == 0), down)


def attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """All attentions of a model with their paths."""
    yield from self_attentions(spec)
    yield from cross_attentions(spec)


def self_attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Those in which a stream reads itself."""
    for stack in ("encoder", "decoder"):
        for number, group in enumerate(getattr(spec.model, stack).layers):
            yield ("model", stack, "layers", number, "self_attention"), group.self_attention


def cross_attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Those in which the target reads the source."""
    for number, group in enumerate(spec.model.decoder.layers):
        yield ("model", "decoder", "layers", number, "cross_attention"), group.cross_attention


def even_positions(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Sines and cosines come in pairs."""
    sinusoidal = isinstance(spec.model.embedding.position, SinusoidalPosition)
    if sinusoidal and spec.model.d_model % 2:
        yield Diagnostic(
            code="odd-width",
            message=f"sinusoidal positions need an even d_model, not {spec.model.d_model}",
            span=_at(root, "model", "d_model"),
            help="sines and cosines come in pairs: make d_model even, or learn the positions",
        )


def vocabulary(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """One size for a shared vocabulary, two for separate ones; tying all needs a shared one."""
    settings, path = spec.model.vocabulary, ("model", "vocabulary")
    wanted = ("size",) if settings.shared else ("source", "target")
    for key in ("size", "source", "target"):
        written = getattr(settings, key) is not None
        if key in wanted and not written:
            kind = "shared" if settings.shared else "separate"
            yield Diagnostic(
                code="missing-key",
                message=f"`{key}` is missing: the rows of a {kind} vocabulary",
                span=_at(root, *path),
            )
        if written and key not in wanted:
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect with `shared: {str(settings.shared).lower()}`",
                span=_at(root, *path, key),
                notes=_note("decides it", root, *path, "shared"),
                help=f"write {' and '.join(f'`{each}`' for each in wanted)} instead",
            )
    smallest = 5
    for key in wanted:
        if (rows := getattr(settings, key)) is not None and rows < smallest:
            yield Diagnostic(
                code="small-vocabulary",
                message=f"{rows} rows leave none for text: four are special symbols",
                span=_at(root, *path, key),
            )


def tying(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Source and target can have one table only if they have one vocabulary."""
    if spec.model.embedding.tied == "all" and not spec.model.vocabulary.shared:
        yield Diagnostic(
            code="cannot-tie",
            message="`tied: all` needs one vocabulary for source and target",
            span=_at(root, "model", "embedding", "tied"),
            notes=_note("two vocabularies", root, "model", "vocabulary"),
            help="write `tied: target` or `tied: none`, or `vocabulary: {shared: true, size: ...}`",
        )


def cross_attention_mask(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Positions of the source are not before or after positions of the target."""
    for path, attention in cross_attentions(spec):
        if attention.mask == "causal":
            yield mistake(
                _at(root, *path, "mask"),
                "causal-cross-attention",
                "cross-attention cannot be causal: it reads another stream",
                "leave `mask` out: a target position reads the whole source; a decoder that waits "
                "for k words of it has `causal | window(k)`",
            )
        elif not parse(attention.mask).terms:
            why = "no position reads anything"
            help = "leave it out to read the whole source"
            yield _empty(root, path, attention.mask, why, help)


def query_rows(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """In self-attention every position must read something, at any length."""
    for path, attention in self_attentions(spec):
        try:
            found = empty_row(parse(attention.mask))
        except ValueError as error:
            yield _empty(root, path, attention.mask, str(error))
            continue
        if found:
            i, length = found
            text = "a single token" if length == 1 else f"{length} tokens"
            why = f"in a text of {text}, position {i} reads nothing"
            yield _empty(root, path, attention.mask, why)


def _empty(root: Node, path: Path, mask: str, why: str, help: str = "") -> Diagnostic:
    help = help or f"write `{mask} | window(0)`: then each position reads at least itself"
    return mistake(_at(root, *path, "mask"), "empty-row", f"mask `{mask}`: {why}", help)


def flex_dropout(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """FlexAttention has no weights that could be dropped."""
    for path, attention in self_attentions(spec):
        if spec.model.kernel == "flex" and attention.dropout:
            yield Diagnostic(
                code="flex-dropout",
                message="FlexAttention cannot drop attention weights",
                span=_at(root, *path, "dropout"),
                notes=_note("decides it", root, "model", "kernel"),
                help="write `dropout: 0` here, or leave `kernel` out",
            )


def end_of_the_target(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Where a translation ends is not known while it is made."""
    for path, attention in self_attentions(spec):
        if "decoder" in path and parse(attention.mask).needs_length:
            yield mistake(
                _at(root, *path, "mask"),
                "unknown-end",
                f"mask `{attention.mask}` asks where the target ends, which is not known while it "
                "is decoded",
                "`last` is for the source: the encoder, and cross-attention",
            )


def batch_holds_a_sentence(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A micro-batch must hold the longest sentence that is kept."""
    micro = spec.training.micro_batch_tokens
    if micro < spec.data.max_length:
        yield Diagnostic(
            code="small-batch",
            message=f"a micro-batch of {micro} tokens cannot hold a sentence of "
            f"{spec.data.max_length}",
            span=_at(root, "training", "batch_tokens"),
            help="lower `data.max_length` or `training.accumulate`, or raise "
            "`training.batch_tokens`",
        )


def position_table(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Every sentence that is kept must find its positions in the table."""
    position, longest = spec.model.embedding.position, spec.data.max_length
    if isinstance(position, LearnedPosition) and position.max_length < longest:
        yield Diagnostic(
            code="short-position-table",
            message=f"`data.max_length` {longest} is beyond the {position.max_length} positions "
            "of the table",
            span=_at(root, "model", "embedding", "position", "max_length"),
            notes=_note("the longest sentence", root, "data", "max_length"),
            help=f"lower `data.max_length` to {position.max_length}, or raise the table's",
        )


def validation_metric(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The best by BLEU can only be chosen if BLEU is measured."""
    validation = spec.training.validation
    if validation.metric == "bleu" and not validation.bleu:
        yield Diagnostic(
            code="unmeasured-metric",
            message="`metric: bleu` needs `bleu: true`",
            span=_at(root, "training", "validation", "metric"),
            help="write `bleu: true`: the validation set is translated at each look",
        )


def translation_lengths(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """There must be a length between the least and the most."""
    least, most = spec.decoding.min_length, spec.decoding.max_length
    if most is not None and least > most:
        yield Diagnostic(
            code="no-length",
            message=f"no translation has at least {least} and at most {most} tokens",
            span=_at(root, "decoding", "min_length"),
            notes=_note("the most", root, "decoding", "max_length"),
            help=f"lower `min_length` to {most}, or raise `max_length`",
        )


CHECKS: tuple[Check, ...] = (
    reserved_name,
    even_heads,
    even_positions,
    vocabulary,
    tying,
    cross_attention_mask,
    query_rows,
    flex_dropout,
    end_of_the_target,
    batch_holds_a_sentence,
    position_table,
    validation_metric,
    translation_lengths,
    *TRAINING_CHECKS,
)
