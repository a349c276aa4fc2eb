"""Keys that were written in vain: another key leaves them without any effect."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, Note
from compiler.source.node import Mapping, Node, Scalar, find, is_nothing
from compiler.source.span import Span
from compiler.spec.inherit import PLACES, SUB_LAYERS


def moot_keys(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """What the author wrote in vain; what a parent wrote gives way in silence.

    `whole` is the tree after inheritance: it holds the very nodes that won.
    """
    yield from (each for each in _handed_down(written, whole) if _is_own(each.span, written))
    yield from (each for each in _undivided(whole) if _is_own(each.span, written))


def _handed_down(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """Settings of `model:` or a stack that no place below takes."""
    taken = {id(node) for stack in SUB_LAYERS for node in _scalars(find(whole, ("model", stack)))}
    for path in PLACES:
        mapping = find(written, path)
        if not isinstance(mapping, Mapping):
            continue
        for key, node in mapping.entries.items():
            if id(node) not in taken and not is_nothing(node):
                yield Diagnostic(
                    code="moot-key",
                    message=f"`{key}` has no effect here: every place below sets its own",
                    span=mapping.keys[key],
                    notes=_winners(whole, path[-1], key),
                    help=f"remove it, or remove `{key}` from a place that shall have this one",
                )


def _winners(whole: Node, setting: str, key: str) -> tuple[Note, ...]:
    """The places whose own value is taken instead."""
    found = {}
    for stack, sub_layers in SUB_LAYERS.items():
        for part in sub_layers if setting == "attention" else (setting,):
            if node := find(whole, ("model", stack, part, key)):
                found[id(node)] = Note(span=node.span, text="set here")
    return tuple(found.values())


def _undivided(whole: Node) -> Iterator[Diagnostic]:
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
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for below in node.entries.values():
            yield from _scalars(below)


def _is_own(span: Span, written: Mapping) -> bool:
    return span.source is written.span.source or span.source.name == "--set"
