"""Keys that were written in vain: another key leaves them without any effect."""

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from itertools import islice

from compiler.source.diagnostic import Diagnostic, Note
from compiler.source.node import Mapping, Node, Scalar, Sequence, find, is_nothing
from compiler.source.span import Span
from compiler.spec.base import Section, Unused
from compiler.spec.decoding import DECODINGS
from compiler.spec.inherit import HANDED_DOWN, sub_layers_of, task_of
from compiler.spec.merge import word
from compiler.spec.mixer import MIXERS
from compiler.spec.model import LayerGroup, Norm, Prediction
from compiler.spec.optimizer import OPTIMIZERS
from compiler.spec.schedule import SCHEDULES
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, TASKS, tasks_with

MOST_NOTES = 3
"""Places that a message shows beside its own, where there may be one for each kind of layer."""
_CHOICES: dict[tuple[str, ...], tuple[AbstractMapping[str, type[Section]], str]] = {
    ("decoding",): (DECODINGS, "beam"),
    ("training", "schedule"): (SCHEDULES, "inverse_sqrt"),
    ("training", "optimizer"): (OPTIMIZERS, "adam"),
    ("model", "prediction"): (dict.fromkeys(("transform", "none"), Prediction), "transform"),
}
"""Sections of several kinds, by their kinds, and the usual kind."""


def unused_keys(written: Mapping, whole: Mapping) -> Iterator[Diagnostic]:
    """Yield the keys that the author wrote in vain; those of a parent give way in silence.

    `whole` is the tree after inheritance: it holds the very nodes that won.
    """
    yield from (each for each in _handed_down(written, whole) if _is_own(each.span, written))
    yield from (each for each in _positions(written, whole) if _is_own(each.span, written))
    for check in (
        _of_other_norms,
        _of_other_matrices,
        _of_no_turns,
        _of_other_settings,
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
                code="unused-key",
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
                        code="unused-key",
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
                code="unused-key",
                message=f"`{path[-1]}` has no effect with `task: {task}`",
                span=holder.keys[path[-1]],
                help="remove it; it is for "
                + " and ".join(f"`{each}`" for each in tasks_with(path)),
            )


def _of_other_settings(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings that a value of another one in their section leaves without effect."""
    for path, (kinds, usual) in _CHOICES.items():
        holder = find(whole, path)
        if isinstance(holder, Mapping) and (section := kinds.get(str(word(holder, "kind", usual)))):
            for each in section.unused_if:
                yield from _without_effect(holder, section, each)


def _without_effect(
    holder: Mapping, section: type[Section], unused: Unused
) -> Iterator[Diagnostic]:
    """Keys that another setting leaves without effect.

    A file has no mistake if the other setting comes from the command line: the keys of the file
    give way in silence, as inherited settings do.
    """
    chosen = holder.get(unused.key)
    if not isinstance(chosen, Scalar) or chosen.value != unused.value:
        return
    for key in unused.others:
        node, default = holder.get(key), section.model_fields[key].default
        is_given_way = _is_set(chosen.span) and node is not None and not _is_set(node.span)
        is_default = isinstance(node, Scalar) and node.value == default  # as in locks
        if isinstance(node, Scalar) and not is_default and not is_given_way:
            yield Diagnostic(
                code="unused-key",
                message=f"`{key}` has no effect with `{unused.key}: {unused.value}`",
                span=holder.keys[key],
                notes=(Note(span=chosen.span, text=unused.why),),
                help="remove one of them",
            )


def _is_set(span: Span) -> bool:
    """Return whether a setting comes from the command line."""
    return span.source.name == "--set"


def _of_other_norms(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings that the norms of no stack have."""
    found = list(_of_norms(whole))
    useful = {id(norm.entries[key]) for norm, kind, key in found if key in Norm.KEYS.get(kind, ())}
    vain = {id(norm.entries[key]): (norm, kind, key) for norm, kind, key in found}
    for node, (norm, kind, key) in vain.items():
        if node not in useful and not is_nothing(norm.entries[key]):
            decides = norm.get("kind")
            yield Diagnostic(
                code="unused-key",
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
            code="unused-key",
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
                    code="unused-key",
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
