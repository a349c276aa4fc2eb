"""Keys that were written in vain: another key leaves them without any effect."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from compiler.source.diagnostic import Diagnostic, Note
from compiler.source.node import Mapping, Node, Scalar, Sequence, find, is_nothing
from compiler.source.span import Span
from compiler.spec.base import Section
from compiler.spec.inherit import HANDED_DOWN, sub_layers_of, task_of
from compiler.spec.merge import word
from compiler.spec.mixer import MIXERS
from compiler.spec.model import LayerGroup
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, TASKS, tasks_with
from compiler.spec.training import COMPARISONS, Decoding, Sampling

MOST_NOTES = 3
"""Places that a message shows beside its own, where there may be one for each kind of layer."""
NORMS = {
    "layer_norm": ("kind", "place", "joint", "final", "eps", "bias"),
    "rms_norm": ("kind", "place", "joint", "final", "eps", "offset"),
    "none": ("kind",),
}
"""The settings of each kind of norm."""

_FORMS: tuple[tuple[tuple[str, ...], str, str, object, str], ...] = (
    (("decoding",), "normalization", "length_penalty", "gnmt", "scores are divided by 1"),
    (("training", "schedule"), "start", "warmup_steps", 0, "the first update has the peak"),
    (("training", "optimizer"), "nesterov", "momentum", False, "there is none to look ahead by"),
)
"""Where, the form of something, what makes it nothing when it is 0, the form in a lock, and why."""


def moot_keys(written: Mapping, whole: Mapping) -> Iterator[Diagnostic]:
    """Yield the keys that the author wrote in vain; those of a parent give way in silence.

    `whole` is the tree after inheritance: it holds the very nodes that won.
    """
    yield from (each for each in _handed_down(written, whole) if _is_own(each.span, written))
    yield from (each for each in _positions(written, whole) if _is_own(each.span, written))
    for check in (
        _of_nothing,
        _of_other_norms,
        _of_other_matrices,
        _of_no_turns,
        _unsearched,
        _of_other_tasks,
    ):
        yield from (each for each in check(whole) if _is_own(each.span, written))


def _handed_down(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """Settings of `model:` or a stack that no place below takes."""
    below = [find(whole, ("model", stack)) for stack in EVERY_STACK]
    taken = {id(node) for stack in below for node in _scalars(stack)}
    for stacks, setting, key, node, place in _settings(written):
        is_taken = any(id(each) in taken for each in _scalars(node))
        if not is_taken and not is_nothing(node):
            winners = _winners(whole, stacks, setting, key)
            part = "self_attention" if key == "position" else setting or key
            why = "every place below sets its own" if winners else f"no layer has `{part}`"
            instead = f"remove `{key}` from a place that shall have this one"
            if not winners:
                instead = f"name `{part}` in the `block` of a stack or of some layers"
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect here: {why}",
                span=place,
                notes=winners,
                help=f"remove it, or {instead}",
            )


def _positions(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """Yield positions that only self-attention would see, in stacks and layers without any."""
    for stack in EVERY_STACK:
        taken = {id(node) for node in _scalars(find(whole, ("model", stack)))}
        for path in (("model", stack), ("model", stack, "layers")):
            for holder in _holders(find(written, path)):
                node = holder.get("position")
                if isinstance(node, Mapping) and not any(id(n) in taken for n in _scalars(node)):
                    yield Diagnostic(
                        code="moot-key",
                        message="`position` has no effect here: no layer with "
                        "`self_attention` takes it",
                        span=holder.keys["position"],
                        help="remove it, or name `self_attention` in `block`",
                    )


def _settings(written: Mapping) -> Iterator[tuple[tuple[str, ...], str, str, Node, Span]]:
    """All that was written to be handed down: to which stacks, of which part, key, value, place."""
    for path, parts in HANDED_DOWN.items():
        stacks = tuple(each for each in EVERY_STACK if path[1:2] in ((), ("embedding",), (each,)))
        for holder in _holders(find(written, path)):
            for part in parts:
                node = holder.get(part)
                if isinstance(node, Mapping) and part != "position":
                    yield from ((stacks, *each) for each in _leaves(node, part))
                elif node is not None:
                    yield stacks, "", part, node, holder.keys[part]


def _leaves(mapping: Mapping, part: str) -> Iterator[tuple[str, str, Node, Span]]:
    """The dotted part that holds each value, its key, the value, its place."""
    for key, value in mapping.entries.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{part}.{key}")
        else:
            yield part, key, value, mapping.keys[key]


def _holders(node: Node | None) -> Iterator[Mapping]:
    """The mapping, or those in a list."""
    if isinstance(node, Mapping):
        yield node
    elif isinstance(node, Sequence):
        yield from (each for each in node.items if isinstance(each, Mapping))


def _winners(whole: Node, stacks: tuple[str, ...], setting: str, key: str) -> tuple[Note, ...]:
    """The places whose own value is taken instead."""
    found = {}
    for stack in stacks:
        parts = ATTENTIONS if setting == "attention" else (setting,)
        groups = _holders(find(whole, ("model", stack, "layers")))
        paths = [tuple(part.split(".")) if part else () for part in parts]
        holders = [find(group, path) for group in groups for path in paths]
        above = tuple(setting.split(".")) if setting else ()
        for holder in (*holders, find(whole, ("model", stack, *above))):
            if isinstance(holder, Mapping) and key in holder.keys and key in holder.entries:
                node = holder.entries[key]
                found[id(node)] = Note(span=node.span, text="set here")
    return tuple(islice(found.values(), MOST_NOTES))


def _of_other_tasks(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings that mean nothing to the task."""
    task = task_of(whole)
    for path in TASKS[task].without_meaning:
        holder, node = find(whole, path[:-1]), find(whole, path)
        if isinstance(holder, Mapping) and node and not is_nothing(node):
            yield Diagnostic(
                code="moot-key",
                message=f"`{path[-1]}` has no effect with `task: {task}`",
                span=holder.keys[path[-1]],
                help="remove it; it is for "
                + " and ".join(f"`{each}`" for each in tasks_with(path)),
            )


def _unsearched(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings of the search where tokens are drawn, or where it is greedy."""
    decoding, sampling = (find(whole, path) for path in (("decoding",), ("decoding", "sampling")))
    if not isinstance(decoding, Mapping):
        return
    beam = decoding.get("beam")
    if sampling is not None and not is_nothing(sampling):
        decider = (sampling, "sampling", "tokens are drawn")
        yield from _without_effect(decoding, Decoding, ("beam", *COMPARISONS), decider)
    elif isinstance(beam, Scalar) and beam.value == 1:
        decider = (beam, "beam: 1", "greedy search compares no finished hypotheses")
        yield from _without_effect(decoding, Decoding, COMPARISONS, decider)
    top_k = find(whole, ("decoding", "sampling", "top_k"))
    if isinstance(sampling, Mapping) and isinstance(top_k, Scalar) and top_k.value == 1:
        decider = (top_k, "top_k: 1", "the likeliest token is the only choice")
        yield from _without_effect(sampling, Sampling, ("temperature", "top_p", "seed"), decider)


def _without_effect(
    holder: Mapping, section: type[Section], keys: tuple[str, ...], decider: tuple[Node, str, str]
) -> Iterator[Diagnostic]:
    """Keys that another setting makes moot.

    A file has no mistake if the other setting comes from the command line: what the file has gives
    way in silence, as inherited settings do.
    """
    chosen, words, why = decider
    for key in keys:
        node, default = holder.get(key), section.model_fields[key].default
        is_given_way = _is_set(chosen.span) and node is not None and not _is_set(node.span)
        is_default = isinstance(node, Scalar) and node.value == default  # as in locks
        if isinstance(node, Scalar) and not is_default and not is_given_way:
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect with `{words}`",
                span=holder.keys[key],
                notes=(Note(span=chosen.span, text=why),),
                help="remove one of them",
            )


def _is_set(span: Span) -> bool:
    """Return whether a setting comes from the command line."""
    return span.source.name == "--set"


def _of_nothing(whole: Mapping) -> Iterator[Diagnostic]:
    """The form of a penalty that is none, the start of a warm-up that is none, and the like."""
    for section, key, decider, harmless, why in _FORMS:
        found, zero = (find(whole, (*section, each)) for each in (key, decider))
        if not isinstance(found, Scalar) or found.value == harmless:
            continue
        if isinstance(zero, Scalar) and zero.value == 0:
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect with `{decider}: 0`",
                span=found.span,
                notes=(Note(span=zero.span, text=why),),
                help="remove it",
            )


def _of_other_norms(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings that the norms of no stack have."""
    found = list(_of_norms(whole))
    useful = {id(norm.entries[key]) for norm, kind, key in found if key in NORMS.get(kind, ())}
    vain = {id(norm.entries[key]): (norm, kind, key) for norm, kind, key in found}
    for node, (norm, kind, key) in vain.items():
        if node not in useful and not is_nothing(norm.entries[key]):
            decides = norm.get("kind")
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect with `kind: {kind}`",
                span=norm.keys[key],
                notes=(Note(span=decides.span, text="decides it"),) if decides else (),
                help="remove it",
            )


def _of_other_matrices(whole: Mapping) -> Iterator[Diagnostic]:
    """Initialisations that treat apart matrices which no layer has."""
    kind = find(whole, ("model", "initialization", "kind"))
    groups = [each for stack in EVERY_STACK for each in _groups(whole, stack)]
    names = {name for each in groups for name in sub_layers_of(each.get("block"))}
    why = {}
    if names.isdisjoint(ATTENTIONS):
        why["fairseq"] = "`xavier`, but for query, key and value, and no layer has attention"
    if names and names <= MIXERS.keys() and not any(_may_have_an_output(each) for each in groups):
        why["scaled"] = "`normal`, but for maps `output`, and no sub-layer has one"
    if names and isinstance(kind, Scalar) and (reason := why.get(str(kind.value))):
        yield Diagnostic(
            code="moot-key",
            message=f"`{kind.value}` has no effect here: it is {reason}",
            span=kind.span,
            help=f"write {reason.partition(',')[0]}",
        )


def _may_have_an_output(group: Mapping) -> bool:
    """Return whether a linear map `output` may follow a mixer of the layers."""
    keys = ((name, key) for name, mixer in MIXERS.items() for key in mixer.OUTPUT_KEYS)
    return any((node := find(group, path)) and not is_nothing(node) for path in keys)


def _of_no_turns(whole: Mapping) -> Iterator[Diagnostic]:
    """A `distinct` for several kinds of layers, in none of which layers can share weights.

    Kinds of layers never share weights with each other.
    """
    for stack in EVERY_STACK:
        takers: defaultdict[int, list[Mapping]] = defaultdict(list)
        for group in _groups(whole, stack):
            takers[id(group.get("distinct"))].append(group)
        for groups in takers.values():
            distinct, counts = groups[0].get("distinct"), {_repeat(each) for each in groups}
            if len(groups) > 1 and isinstance(distinct, Scalar) and counts == {distinct.value}:
                yield Diagnostic(
                    code="moot-key",
                    message=f"`distinct: {distinct.value}` has no effect here: layers take turns "
                    f"within a kind, and each kind has {distinct.value}",
                    span=distinct.span,
                    help="remove it; layers that share their weights are one kind with `repeat`",
                )


def _groups(whole: Mapping, stack: str) -> Iterator[Mapping]:
    """The kinds of layers of a stack."""
    return _holders(find(whole, ("model", stack, "layers")))


def _repeat(group: Mapping) -> object:
    """Return the number of layers of a kind."""
    return word(group, "repeat", LayerGroup.model_fields["repeat"].default)


def _of_norms(whole: Mapping) -> Iterator[tuple[Mapping, str, str]]:
    """Each stack's norm, its kind, and a key in it."""
    for stack in EVERY_STACK:
        norm = find(whole, ("model", stack, "norm"))
        if isinstance(norm, Mapping):
            kind = norm.get("kind")
            word = str(kind.value) if isinstance(kind, Scalar) else "layer_norm"
            yield from ((norm, word, key) for key in norm.entries)


def _scalars(node: Node | None) -> Iterator[Node]:
    match node:
        case Scalar():
            yield node
        case Mapping(entries=entries):
            for below in entries.values():
                yield from _scalars(below)
        case Sequence(items=items):
            for below in items:
                yield from _scalars(below)


def _is_own(span: Span, written: Mapping) -> bool:
    return span.source is written.span.source or _is_set(span)
