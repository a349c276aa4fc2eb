"""One tree of settings over another: for `extends`, for `--set`, for stacks inside `model:`."""

from collections.abc import Iterator

from compiler.source.node import Mapping, Node, Path, Scalar, is_nothing
from compiler.source.span import Span

_FORMS = {"source": "parallel", "target": "parallel", "tsv": "tsv", "text": "text", "label": "text"}
"""Of a corpus, by the keys that give it away."""

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
    """Return whether `over` has another kind, other files, or shares a vocabulary where `base` does
    not.
    """
    kind = word(base, "kind", _KIND_BY_DEFAULT.get(name))
    return (
        ("kind" in over.entries and kind not in (None, word(over, "kind")))
        or ("shared" in over.entries and word(base, "shared", True) != word(over, "shared"))
        or _form(base) != _form(over) != ""
    )


def _form(mapping: Mapping) -> str:
    """Return the form of a corpus, or an empty text for a mapping whose keys do not tell one."""
    nodes = (mapping.entries[key] for key in _FORMS if key in mapping.entries)
    texts = any(not isinstance(each, Scalar) or isinstance(each.value, str) for each in nodes)
    return next((_FORMS[key] for key in _FORMS if key in mapping.entries), "") if texts else ""


def word(mapping: Mapping, key: str, default: object = None) -> object:
    """The value of a key, if it is one without parts."""
    node = mapping.get(key)
    return node.value if isinstance(node, Scalar) else default
