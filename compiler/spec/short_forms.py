"""Words that stand for a mapping: `position: learned` is `position: {kind: learned}`."""

from compiler.source.node import Mapping, Scalar, find, with_entry

PLACES = (("model", "initialization"), ("model", "embedding", "position"))


def write_out(root: Mapping) -> Mapping:
    """The tree with the mappings in place of the words, so that trees can be merged key by key."""
    for path in PLACES:
        node = find(root, path)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            written = Mapping(span=node.span, entries={"kind": node}, keys={"kind": node.span})
            root = _replaced(root, path, written)
    return root


def _replaced(mapping: Mapping, path: tuple[str, ...], node: Mapping) -> Mapping:
    key, *rest = path
    if rest:
        below = mapping.entries[key]
        assert isinstance(below, Mapping)
        node = _replaced(below, tuple(rest), node)
    return with_entry(mapping, key, node, mapping.keys[key])
