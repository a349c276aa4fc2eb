"""Settings handed down from `model:` or a stack that no place below takes."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Mapping, Node, Scalar, find, is_nothing
from compiler.source.span import Span
from compiler.spec.inherit import PLACES, SUB_LAYERS


def moot_keys(written: Mapping, whole: Node) -> Iterator[Diagnostic]:
    """What the author wrote in vain; what a parent wrote gives way in silence.

    `whole` is the tree after inheritance: it holds the very nodes that won.
    """
    taken = {id(node) for stack in SUB_LAYERS for node in _scalars(find(whole, ("model", stack)))}
    for path in PLACES:
        mapping = find(written, path)
        if not isinstance(mapping, Mapping):
            continue
        for key, node in mapping.entries.items():
            wins = id(node) in taken or is_nothing(node)
            if not wins and _is_own(mapping.keys[key], written):
                yield Diagnostic(
                    code="moot-key",
                    message=f"`{key}` has no effect here: every place below sets its own",
                    span=mapping.keys[key],
                    help=f"remove it, or remove `{key}` from a place that shall have this one",
                )


def _scalars(node: Node | None) -> Iterator[Node]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for below in node.entries.values():
            yield from _scalars(below)


def _is_own(span: Span, written: Mapping) -> bool:
    return span.source is written.span.source or span.source.name == "--set"
