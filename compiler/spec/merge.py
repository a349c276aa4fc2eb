"""One tree of settings over another: for `extends`, for `--set`, for stacks inside `model:`."""

from compiler.source.node import Mapping, Node, Scalar


def merge(base: Node, over: Node) -> Node:
    """Mappings merge key by key, everything else replaces; a new `kind` replaces the mapping."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping) or _other_kind(base, over):
        return over
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in over.entries.items():
        if isinstance(node, Scalar) and node.value is None:
            entries.pop(key, None)
            keys.pop(key, None)
            continue
        entries[key] = merge(entries[key], node) if key in entries else node
        keys[key] = over.keys[key]
    return Mapping(span=over.span, entries=entries, keys=keys)


def _other_kind(base: Mapping, over: Mapping) -> bool:
    one, other = base.get("kind"), over.get("kind")
    written = isinstance(one, Scalar) and isinstance(other, Scalar)
    return written and one != other and one.value != other.value  # type: ignore[union-attr]
