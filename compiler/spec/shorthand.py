"""Words that stand for a mapping: `position: learned` is `position: {kind: learned}`."""

from dataclasses import replace

from compiler.source.node import Mapping, Node, Scalar, Sequence, with_entry
from compiler.spec.tasks import EVERY_STACK

PLACES: tuple[tuple[str, ...], ...] = (
    ("model", "initialization"),
    ("model", "embedding", "position"),
    *(("model", stack, "position") for stack in EVERY_STACK),
    *(("model", stack, "layers", "position") for stack in EVERY_STACK),
    ("model", "norm"),
    *(("model", stack, "norm") for stack in EVERY_STACK),
    ("data", "tokenizer"),
    ("training", "optimizer"),
    ("training", "schedule"),
)


def write_out(root: Mapping) -> Mapping:
    """The tree with the mappings in place of the words, so that trees can be merged key by key."""
    for path in PLACES:
        written = _written_out(root, path)
        assert isinstance(written, Mapping)
        root = written
    return root


def _written_out(node: Node, path: tuple[str, ...]) -> Node:
    """With the word at `path`, in each item of a list on the way, replaced."""
    if not path:
        return _mapping(node)
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_written_out(each, path) for each in node.items))
    key, *rest = path
    if not isinstance(node, Mapping) or (below := node.get(key)) is None:
        return node
    written = _written_out(below, tuple(rest))
    return node if written is below else with_entry(node, key, written, node.keys[key])


def _mapping(node: Node) -> Node:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Mapping(span=node.span, entries={"kind": node}, keys={"kind": node.span})
    return node
