"""Keys that were written in vain: another key leaves them without any effect."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, Note
from compiler.source.node import Mapping, Node, Scalar, Sequence, find, is_nothing
from compiler.source.span import Span
from compiler.spec.anatomy import ATTENTIONS, EVERY_STACK, SETTINGS, settings_without_meaning
from compiler.spec.inherit import HANDED_DOWN, task_of
from compiler.spec.training import Decoding


def moot_keys(written: Mapping, whole: Mapping) -> Iterator[Diagnostic]:
    """What the author wrote in vain; what a parent wrote gives way in silence.

    `whole` is the tree after inheritance: it holds the very nodes that won.
    """
    yield from (each for each in _handed_down(written, whole) if _is_own(each.span, written))
    for check in (_undivided, _unsearched, _of_other_tasks):
        yield from (each for each in check(whole) if _is_own(each.span, written))


def _handed_down(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """Settings of `model:` or a stack that no place below takes."""
    below = [find(whole, ("model", stack)) for stack in EVERY_STACK]
    taken = {id(node) for stack in below for node in _scalars(stack)}
    for stacks, setting, key, node, place in _settings(written):
        if id(node) not in taken and not is_nothing(node):
            winners = _winners(whole, stacks, setting, key)
            why = "every place below sets its own" if winners else f"no layer has `{setting}`"
            instead = f"remove `{key}` from a place that shall have this one"
            if not winners:
                instead = f"name `{setting}` in the `block` of a stack or of some layers"
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect here: {why}",
                span=place,
                notes=winners,
                help=f"remove it, or {instead}",
            )


def _settings(written: Mapping) -> Iterator[tuple[tuple[str, ...], str, str, Node, Span]]:
    """All that was written to be handed down: to which stacks, of which part, key, value, place."""
    for path, parts in HANDED_DOWN.items():
        stacks = tuple(each for each in EVERY_STACK if path[1:2] in ((), ("embedding",), (each,)))
        for holder in _holders(find(written, path)):
            for part in parts:
                node = holder.get(part)
                if isinstance(node, Mapping):
                    for key, value in node.entries.items():
                        yield stacks, part, key, value, node.keys[key]
                elif isinstance(node, Scalar):
                    yield stacks, "", part, node, holder.keys[part]


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
        parts = ATTENTIONS if setting in ("attention", *ATTENTIONS) else (setting,)
        groups = _holders(find(whole, ("model", stack, "layers")))
        holders = [find(group, (part,) if part else ()) for group in groups for part in parts]
        for holder in (*holders, find(whole, ("model", stack, setting))):
            if isinstance(holder, Mapping) and key in holder.keys and key in holder.entries:
                node = holder.entries[key]
                found[id(node)] = Note(span=node.span, text="set here")
    return tuple(found.values())


def _of_other_tasks(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings that mean nothing to the task."""
    task = task_of(whole)
    for path in settings_without_meaning(task):
        holder, node = find(whole, path[:-1]), find(whole, path)
        if isinstance(holder, Mapping) and node and not is_nothing(node):
            yield Diagnostic(
                code="moot-key",
                message=f"`{path[-1]}` has no effect with `task: {task}`",
                span=holder.keys[path[-1]],
                help=f"remove it; it is for {' and '.join(f'`{each}`' for each in SETTINGS[path])}",
            )


def _unsearched(whole: Mapping) -> Iterator[Diagnostic]:
    """Settings of the search where tokens are drawn."""
    decoding, sampling = (find(whole, path) for path in (("decoding",), ("decoding", "sampling")))
    if not isinstance(decoding, Mapping) or sampling is None or is_nothing(sampling):
        return
    for key in ("beam", "length_penalty", "normalization", "stop"):
        node, default = decoding.get(key), Decoding.model_fields[key].default
        if isinstance(node, Scalar) and node.value != default:  # as a lock has it
            yield Diagnostic(
                code="moot-key",
                message=f"`{key}` has no effect with `sampling`",
                span=decoding.keys[key],
                notes=(Note(span=sampling.span, text="tokens are drawn"),),
                help="remove one of them",
            )


def _undivided(whole: Mapping) -> Iterator[Diagnostic]:
    """The form of a penalty that is none."""
    penalty, form = (find(whole, ("decoding", key)) for key in ("length_penalty", "normalization"))
    if not isinstance(form, Scalar) or form.value == "gnmt":  # as a lock has it
        return
    if isinstance(penalty, Scalar) and penalty.value == 0:
        yield Diagnostic(
            code="moot-key",
            message="`normalization` has no effect with `length_penalty: 0`",
            span=form.span,
            notes=(Note(span=penalty.span, text="scores are divided by 1"),),
            help="remove it",
        )


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
    return span.source is written.span.source or span.source.name == "--set"
