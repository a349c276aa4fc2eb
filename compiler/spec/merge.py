"""One tree of settings over another: for `extends`, for `--set`, for stacks inside `model:`."""

from compiler.source.node import Mapping, Node, Scalar


def merge(base: Node, over: Node) -> Node:
    """Mappings merge key by key, everything else replaces; so does a mapping of another form.

    A key with nothing as its value removes the base's.
    """
    if not isinstance(base, Mapping) or not isinstance(over, Mapping) or _form(base, over):
        return over
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in over.entries.items():
        if key in entries and isinstance(node, Scalar) and node.value is None:
            del entries[key], keys[key]
            continue
        entries[key] = merge(entries[key], node) if key in entries else node
        keys[key] = over.keys[key]
    return Mapping(span=over.span, entries=entries, keys=keys)


def _form(base: Mapping, over: Mapping) -> bool:
    """Whether `over` is of another form: kind, sharing of a vocabulary, layout of a corpus."""
    kind = "kind" in over.entries and _word(base, "kind") not in (None, _word(over, "kind"))
    shared = "shared" in over.entries and _word(base, "shared", True) != _word(over, "shared")
    tabbed = "tsv" in over.entries and "source" in base.entries
    parallel = "source" in over.entries and "tsv" in base.entries
    return kind or shared or tabbed or parallel


def _word(mapping: Mapping, key: str, default: object = None) -> object:
    node = mapping.get(key)
    return node.value if isinstance(node, Scalar) else default
