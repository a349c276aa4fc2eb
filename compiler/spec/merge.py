"""One tree of settings over another: for `extends`, for `--set`, for stacks inside `model:`."""

from collections.abc import Iterator

from compiler.source.node import Mapping, Node, Path, Scalar, is_nothing
from compiler.source.span import Span

_LINE_BY_LINE = {"source", "target"}
_KIND_BY_DEFAULT = {"optimizer": "adam"}
"""Of sections whose kinds have little in common. What others say without a word of their kind is
for the child's kind too: every schedule has a warm-up."""


def merge(base: Node, over: Node, name: str = "") -> Node:
    """Mappings merge key by key, everything else replaces; so does a mapping of another form.

    A key with nothing as its value removes the base's. `name` is the key of both.
    """
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    if _is_another_form(base, over, name):
        return over
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in over.entries.items():
        if key in entries and is_nothing(node):
            del entries[key], keys[key]
            continue
        entries[key] = merge(entries[key], node, key) if key in entries else node
        keys[key] = over.keys[key]
    return Mapping(span=over.span, entries=entries, keys=keys)


def lost(base: Node, over: Node, path: Path = ()) -> Iterator[tuple[Path, Span]]:
    """The keys of `base` that go because a mapping of another form replaces theirs."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return
    if _is_another_form(base, over, str(path[-1]) if path else ""):
        gone = (key for key in base.entries if key not in over.entries)
        yield from (((*path, key), base.keys[key]) for key in gone)
        return
    for key, node in over.entries.items():
        if key in base.entries:
            yield from lost(base.entries[key], node, (*path, key))


def _is_another_form(base: Mapping, over: Mapping, name: str) -> bool:
    """Whether `over` is of another kind, shares a vocabulary or not, or has other files."""
    kind = _word(base, "kind", _KIND_BY_DEFAULT.get(name))
    return (
        ("kind" in over.entries and kind not in (None, _word(over, "kind")))
        or ("shared" in over.entries and _word(base, "shared", True) != _word(over, "shared"))
        or ("tsv" in over.entries and not _LINE_BY_LINE.isdisjoint(base.entries))
        or ("tsv" in base.entries and not _LINE_BY_LINE.isdisjoint(over.entries))
    )


def _word(mapping: Mapping, key: str, default: object = None) -> object:
    node = mapping.get(key)
    return node.value if isinstance(node, Scalar) else default
