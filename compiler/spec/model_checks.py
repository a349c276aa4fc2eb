"""Settings of the network that are each right but do not go together."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, Note, mistake
from compiler.source.limits import LAYERS
from compiler.source.node import Node, Path, place_of_key
from compiler.spec.attention import Attention
from compiler.spec.given_vocabulary import missing_rows
from compiler.spec.model import Output
from compiler.spec.norm_checks import embedding_norm, first_norms, joint_norms, streams
from compiler.spec.paths import (
    at,
    attentions,
    cross_attentions,
    feed_forwards,
    groups,
    note,
    width_path,
)
from compiler.spec.spec import Spec
from compiler.spec.tasks import EVERY_STACK, TASKS, tasks_with


def parts_of_the_task(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Each task has the parts that it needs and no others."""
    task = TASKS[spec.task]
    for part in task.missing_parts:
        if getattr(spec.model, part) is not None:
            yield mistake(
                at(root, "model", part),
                "unused-key",
                f"`{part}` has no effect with `task: {spec.task}`",
                f"remove it, or write `task: {tasks_with(('model', part))[0]}`",
            )
    for part in task.parts:
        if getattr(spec.model, part) is None and ("model", part) not in task.implied:
            from compiler.spec.remedy import example, to_write  # imported late: for errors alone

            place, path = place_of_key(root, ("model",)), ("model", part)
            help = to_write(root, {path: example(path, spec.task)}, (), place.source, spec.task)
            yield mistake(place, "missing-key", f"`model.{part}` is missing", help)


def memory_to_read(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Cross-attention reads the output of an encoder below a decoder."""
    is_pair = TASKS[spec.task].reads_a_source
    for path, _ in cross_attentions(spec):
        if not is_pair or "encoder" in path:
            why = (
                "the encoder is what it would read"
                if is_pair
                else f"`task: {spec.task}` has one stack"
            )
            yield mistake(
                at(root, *path[:-1], "block"),
                "no-memory",
                f"cross-attention has nothing to read here: {why}",
                "leave `cross_attention` out of `block`",
            )


def segments(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Texts that are read as a whole have segments; others are read or written in one piece."""
    if spec.model.embedding.segments is not None and not TASKS[spec.task].reads_whole_texts:
        yield mistake(
            at(root, "model", "embedding", "segments"),
            "unused-key",
            f"`segments` has no effect with `task: {spec.task}`",
            "remove it: masked language models, classifiers and embedding models have segments",
        )


def layers_in_turn(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """There are no more layers with weights of their own than there are layers."""
    for path, group in groups(spec):
        if group.distinct is not None and group.distinct > group.repeat:
            yield Diagnostic(
                code="too-distinct",
                message=f"{group.distinct} layers cannot take turns in {group.repeat}",
                span=at(root, *path, "distinct"),
                notes=note("how many are applied", root, *path, "repeat"),
                help="raise `repeat`, or leave `distinct` out: each has its own weights then",
            )


def layers_in_all(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A stack has a bounded number of layers, however they are listed."""
    for name, stack in spec.model.stacks():
        if (count := sum(group.repeat for group in stack.layers)) > LAYERS:
            message = f"a stack has at most {LAYERS:,} layers, and these are {count:,}"
            yield mistake(at(root, "model", name, "layers"), "bad-value", message, "lower `repeat`")


def memory_is_read(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A translation depends on its source by cross-attention alone."""
    if TASKS[spec.task].reads_a_source and not any(cross_attentions(spec)):
        yield mistake(
            at(root, "model", "decoder"),
            "memory-unread",
            "no layer of the decoder reads the source",
            "name `cross_attention` in its `block`; or write `task: language_model`",
        )


def even_heads(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """d_k and d_v default to an equal share of their stack's d_model."""
    for path, attention in attentions(spec):
        stack = str(path[1])
        width = spec.model.width(stack)
        yield from _even_maps(attention, width, path, root)
        left = width % attention.heads
        if left and (attention.d_k is None or attention.d_v is None):
            near = _nearest_divisor(width, attention.heads)
            yield Diagnostic(
                code="uneven-heads",
                message=f"{attention.heads} heads cannot share d_model {width} ({left} left over)",
                span=at(root, *path, "heads"),
                notes=note("the width to share", root, *width_path(spec, stack)),
                help=f"{_shares(width, near)}; or set `d_k` and `d_v` to free them from `d_model`",
            )


def _even_maps(attention: Attention, width: int, path: Path, root: Node) -> Iterator[Diagnostic]:
    """The two maps of a head have equal shares of what it has."""
    share, left = divmod(width, attention.heads)
    if attention.differential and attention.d_k is None and not left and share % 2:
        yield Diagnostic(
            code="uneven-heads",
            message=f"the two maps of a head cannot share {share} numbers",
            span=at(root, *path, "differential"),
            notes=note("the heads", root, *path, "heads"),
            help="write `d_k`, which frees queries and keys from `d_model`",
        )


def _shares(width: int, heads: int) -> str:
    return f"{heads} heads would each get {width // heads}" if heads > 1 else "1 head would get all"


def _nearest_divisor(width: int, heads: int) -> int:
    """1 divides every width, so the search downwards ends."""
    down = next(each for each in range(min(heads, width), 0, -1) if width % each == 0)
    return next((each for each in range(heads, 2 * heads - down) if width % each == 0), down)


def widths(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The width of the model is that of a stack."""
    own = {name: spec.model.width(name) for name, _ in spec.model.stacks()}
    if spec.model.d_model not in own.values():
        (first, width), *_ = own.items()
        yield Diagnostic(
            code="unused-key",
            message=f"`d_model: {spec.model.d_model}` has no effect: every stack has its own",
            span=at(root, "model", "d_model"),
            notes=_own_widths(root, *own),
            help=f"write `d_model: {width}` here, and leave it out of `{first}`",
        )


def _own_widths(root: Node, *stacks: str) -> tuple[Note, ...]:
    found = (note("set here", root, "model", stack, "d_model") for stack in stacks)
    return tuple(each for notes in found for each in notes)


def even_groups(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Each head of keys and values serves as many heads of queries."""
    for path, attention in attentions(spec):
        heads, kv_heads = attention.heads, attention.kv_heads or attention.heads
        if left := heads % kv_heads:
            yield Diagnostic(
                code="uneven-groups",
                message=f"{heads} heads cannot share {kv_heads} heads of keys and values "
                f"({left} left over)",
                span=at(root, *path, "kv_heads"),
                notes=note("the heads of queries", root, *path, "heads"),
                help="a divisor of the heads: "
                + ", ".join(str(n) for n in range(1, heads + 1) if heads % n == 0),
            )


def choice_of_experts(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A router chooses some of the experts, not all."""
    for path, settings in feed_forwards(spec):
        experts = settings.experts
        if experts is not None and experts.active >= experts.count:
            yield Diagnostic(
                code="no-choice-of-experts",
                message=f"`active: {experts.active}` of {experts.count} experts leaves no choice",
                span=at(root, *path, "experts", "active"),
                notes=note("how many there are", root, *path, "experts", "count"),
                help="lower `active`: most mixtures have 1 or 2 active experts of 8 or more",
            )


def experts_in_turn(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A layer that is applied several times has one memory of what its experts were used for."""
    for path, group in groups(spec):
        experts = group.feed_forward.experts if group.feed_forward else None
        is_shared = group.distinct is not None and group.distinct < group.repeat
        if is_shared and experts is not None and experts.balance_loss:
            yield Diagnostic(
                code="experts-in-turn",
                message="the balance loss of experts counts each layer once, and these take turns",
                span=at(root, *path, "feed_forward", "experts", "balance_loss"),
                notes=note("layers that take turns", root, *path, "distinct"),
                help="write `balance_loss: 0`, or give every layer experts of its own",
            )
        if is_shared and experts is not None and experts.correction is not None:
            yield Diagnostic(
                code="experts-in-turn",
                message="`correction` counts each layer once, and these take turns",
                span=at(root, *path, "feed_forward", "experts", "correction"),
                notes=note("layers that take turns", root, *path, "distinct"),
                help="remove it, or give every layer experts of its own",
            )


def _two_vocabularies(spec: Spec, root: Node) -> Diagnostic:
    """A vocabulary with `source` or `target`, but without `shared: false`."""
    from compiler.spec.remedy import to_write  # imported late: only errors need it

    settings, path = spec.model.vocabulary, ("model", "vocabulary")
    rows = settings.source or settings.target
    right: dict[Path, object] = {(*path, "shared"): False}
    for key in ("source", "target"):
        right |= {} if getattr(settings, key) else {(*path, key): rows}
    if spec.model.embedding.tied == "all":
        right[("model", "embedding", "tied")] = "target"
    place = place_of_key(root, path)
    return mistake(
        place,
        "missing-key",
        "`model.vocabulary.shared` is missing: a `source` and a `target` are two vocabularies",
        to_write(root, right, (), place.source, spec.task),
    )


def vocabulary(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """One size for a shared vocabulary, two for separate ones; tying all needs a shared one."""
    settings, path = spec.model.vocabulary, ("model", "vocabulary")
    if not settings.shared and not TASKS[spec.task].reads_a_source:
        message = f"`task: {spec.task}` has one text, and so one vocabulary"
        yield mistake(at(root, *path, "shared"), "one-vocabulary", message, "write `size` alone")
        return
    if settings.shared and settings.size is None and (settings.source or settings.target):
        yield _two_vocabularies(spec, root)
        return
    wanted = ("size",) if settings.shared else ("source", "target")
    for key in ("size", "source", "target"):
        written = getattr(settings, key) is not None
        if key in wanted and not written and (wrong := missing_rows(spec, root, key)):
            yield wrong
        if written and key not in wanted:
            yield Diagnostic(
                code="unused-key",
                message=f"`{key}` has no effect with `shared: {str(settings.shared).lower()}`",
                span=at(root, *path, key),
                notes=note("decides it", root, *path, "shared"),
                help=f"write {' and '.join(f'`{each}`' for each in wanted)} instead",
            )
    symbols = TASKS[spec.task].symbols
    for key in wanted:
        if (rows := getattr(settings, key)) is not None and rows <= symbols:
            yield Diagnostic(
                code="small-vocabulary",
                message=f"{rows} rows leave none for text: {symbols} are special symbols",
                span=at(root, *path, key),
            )


def output(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """The vector of a text is not projected to tokens."""
    if TASKS[spec.task].pools and spec.model.output != Output():
        yield Diagnostic(
            code="unused-key",
            message=f"`output` has no effect with `task: {spec.task}`",
            span=at(root, "model", "output"),
            notes=note("decides it", root, "task"),
            help="remove it: it is for the logits of tokens",
        )


def tying(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Source and target can have one table only if they have one vocabulary."""
    is_pair = TASKS[spec.task].reads_a_source
    if TASKS[spec.task].pools:
        if spec.model.embedding.tied != "all":
            yield mistake(
                at(root, "model", "embedding", "tied"),
                "unused-key",
                f"`tied` has no effect with `task: {spec.task}`, which projects to no tokens",
                "remove it",
            )
    elif spec.model.embedding.tied == "target" and not is_pair:
        yield mistake(
            at(root, "model", "embedding", "tied"),
            "cannot-tie",
            f"`task: {spec.task}` has one text: `tied` is `all` or `none`",
            "with `all` the table of the tokens projects to them, too",
        )
    if is_pair and spec.model.embedding.tied == "all" and not spec.model.vocabulary.shared:
        yield Diagnostic(
            code="cannot-tie",
            message="`tied: all` needs one vocabulary for source and target",
            span=at(root, "model", "embedding", "tied"),
            notes=note("two vocabularies", root, "model", "vocabulary"),
            help="write `tied: target` below `model.embedding`, or `tied: none`, or "
            "`vocabulary: {shared: true, size: ...}`",
        )


def one_table(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A table is as wide as the stacks that read it, unless it has a width of its own."""
    embedding = spec.model.embedding
    if spec.model.has_two_widths and embedding.tied == "all" and embedding.width is None:
        both = " and ".join(str(spec.model.width(each)) for each in EVERY_STACK)
        paths = dict.fromkeys(width_path(spec, each) for each in EVERY_STACK)
        yield Diagnostic(
            code="cannot-tie",
            message=f"`tied: all` needs stacks of one width, not {both}",
            span=at(root, "model", "embedding", "tied"),
            notes=tuple(each for path in paths for each in note("a width", root, *path)),
            help="write `tied: target`, or `embedding: {width: ...}` for a table of a width of its "
            "own",
        )


MODEL_CHECKS = (
    streams,
    segments,
    layers_in_turn,
    layers_in_all,
    joint_norms,
    first_norms,
    parts_of_the_task,
    memory_to_read,
    memory_is_read,
    widths,
    even_heads,
    even_groups,
    choice_of_experts,
    experts_in_turn,
    vocabulary,
    embedding_norm,
    output,
    tying,
    one_table,
)
