"""One tree of settings over another: for `extends`, for `--set`, for stacks inside `model:`."""

from collections.abc import Iterator

from compiler.source.node import (
    Mapping,
    Node,
    Path,
    Scalar,
    is_nothing,
    with_entry,
    without_entries,
)
from compiler.source.span import Span
from compiler.spec.decoding import DECODINGS, decoding_kind

_FORMS = {"source": "parallel", "target": "parallel", "tsv": "tsv", "text": "text", "label": "text"}
"""The form of a corpus (two files, a table, one text) that each key implies."""

_KIND_BY_DEFAULT = {"optimizer": "adam", "decoding": "beam"}
"""The default kind of each section whose kinds have little in common. In other sections the keys of
a parent hold for the child's kind, too: every schedule has a warm-up."""

_OF_ONE_FORM = ("pooling",)
"""The sections whose kinds have the same keys: another kind leaves the other keys as they are."""


def merge(base: Node, over: Node, name: str = "") -> Node:
    """Mappings merge key by key, everything else replaces; so does a mapping of another form.

    A key with nothing as its value removes the base's. `name` is the key of both.
    """
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    if name == "decoding":
        base = with_chosen_kind(base)
        over = with_chosen_kind(over, str(word(base, "kind", "beam")))
    if _is_another_form(base, over, name):
        if not (shared := _shared_keys(over, name)):
            return over
        base = without_entries(base, *(base.entries.keys() - shared))
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
    name = str(path[-1]) if path else ""
    if name == "decoding":
        base = with_chosen_kind(base)
        over = with_chosen_kind(over, str(word(base, "kind", "beam")))
    if _is_another_form(base, over, name):
        stays = over.entries.keys() | _shared_keys(over, name)
        gone = (key for key in base.entries if key not in stays and key in base.keys)
        yield from (((*path, key), base.keys[key]) for key in gone)
        return
    for key, node in over.entries.items():
        if key in base.entries:
            yield from lost(base.entries[key], node, (*path, key))


def with_chosen_kind(decoding: Mapping, usual: str = "beam") -> Mapping:
    """Returns `decoding:` with the kind that its keys choose, if that is not the usual one."""
    kind = decoding_kind({*decoding.entries}, usual)
    if kind == usual or "kind" in decoding.entries:
        return decoding
    own = DECODINGS[kind].model_fields.keys() - DECODINGS[usual].model_fields.keys()
    key = next(each for each in decoding.entries if each in own)
    place = Scalar(span=decoding.entries[key].span, value=kind)
    return with_entry(decoding, "kind", place, decoding.keys[key])


def _shared_keys(over: Mapping, name: str) -> set[str]:
    """Returns the keys that stay where `decoding:` becomes one of another kind."""
    kind = DECODINGS.get(str(word(over, "kind"))) if name == "decoding" else None
    return {*kind.model_fields} - {"kind"} if kind else set()


def _is_another_form(base: Mapping, over: Mapping, name: str) -> bool:
    """Return whether `over` has another kind, other files, or shares a vocabulary where `base` does
    not.
    """
    kind = word(base, "kind", _KIND_BY_DEFAULT.get(name))
    has_kinds = "kind" in over.entries and name not in _OF_ONE_FORM
    parts_vocabularies = name == "vocabulary" and "shared" in over.entries
    return (
        (has_kinds and kind not in (None, word(over, "kind")))
        or (parts_vocabularies and word(base, "shared", True) != word(over, "shared"))
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
