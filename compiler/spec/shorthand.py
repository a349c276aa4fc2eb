"""Other ways to write a spec: words for mappings, and the names that keys had before.

`position: learned` is `position: {kind: learned}`, and the former `share` of a rotary position is
its `fraction`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    is_nothing,
    with_entry,
    without_entries,
)
from compiler.source.span import Span
from compiler.spec.decoding import BeamSearch, Sampling
from compiler.spec.merge import word
from compiler.spec.tasks import EVERY_STACK

PLACES: tuple[tuple[str, ...], ...] = (
    ("model", "initialization"),
    ("model", "embedding", "position"),
    *(("model", stack, "position") for stack in EVERY_STACK),
    *(("model", stack, "layers", "position") for stack in EVERY_STACK),
    ("model", "prediction"),
    ("model", "norm"),
    *(("model", stack, "norm") for stack in EVERY_STACK),
    ("data", "tokenizer"),
    ("training", "optimizer"),
    ("training", "schedule"),
    ("decoding",),
)


FORMER_NAMES: dict[str, dict[str, str]] = {
    "position": {"share": "fraction", "stretch": "scaling"},
    "initialization": {"deviation": "std"},
}
"""The former names of keys with their names of today, by the section in which they stand."""


def named_today(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of a path with the names of today."""
    path = tuple(keys)
    pairs = zip(("", *path), path, strict=False)
    return tuple(FORMER_NAMES.get(section, {}).get(key, key) for section, key in pairs)


def write_out(root: Mapping) -> Mapping:
    """Return the tree with mappings for words and with the names of today.

    Trees can then be merged key by key.
    """
    for path in PLACES:
        written = _written_out(root, path)
        assert isinstance(written, Mapping)
        root = written
    decoding = root.get("decoding")
    if not isinstance(decoding, Mapping):
        return root
    return with_entry(root, "decoding", _with_kind(decoding), root.keys["decoding"])


def former_names(root: Mapping) -> Iterator[Diagnostic]:
    """Return a warning for each key of a tree that was written by its former name."""
    decoding = root.get("decoding")
    place = decoding.keys.get("kind") if isinstance(decoding, Mapping) else None
    if place and _begins(place, "sampling"):
        yield Diagnostic(
            code="former-name",
            message="`sampling` is a kind of `decoding`",
            span=place,
            help="write `kind: sample` and its keys below `decoding`, or `kind: beam` to search: "
            "the former section is understood and means the same",
            severity="warning",
        )
    for path in PLACES:
        for holder in _mappings(root, path):
            for former, name in FORMER_NAMES.get(path[-1], {}).items():
                span = holder.keys.get(name)
                if span and _begins(span, former):
                    yield Diagnostic(
                        code="former-name",
                        message=f"`{former}` is called `{name}`",
                        span=span,
                        help=f"write `{name}`: the former name is understood and means the same",
                        severity="warning",
                    )


def _begins(span: Span, word: str) -> bool:
    """Return whether a word stands at a place."""
    return span.source.line(span.line)[span.column - 1 :].startswith(word)


def _mappings(node: Node | None, path: tuple[str, ...]) -> Iterator[Mapping]:
    """Return the mappings at `path`, in each item of a list on the way."""
    for each in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(each, Mapping) and path:
            yield from _mappings(each.get(path[0]), path[1:])
        elif isinstance(each, Mapping):
            yield each


def _written_out(node: Node, path: tuple[str, ...], section: str = "") -> Node:
    """Return the node with what is at `path`, in each item of a list on the way, written out."""
    if not path:
        return _renamed(_mapping(node), FORMER_NAMES.get(section, {}))
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_written_out(each, path, section) for each in node.items))
    key, *rest = path
    if not isinstance(node, Mapping) or (below := node.get(key)) is None:
        return node
    written = _written_out(below, tuple(rest), key)
    return node if written is below else with_entry(node, key, written, node.keys[key])


def _with_kind(decoding: Mapping) -> Mapping:
    """Returns `decoding:` with the `kind` that a section `sampling` of former versions stands for.

    They had draws in this section, beside a search with its defaults; `sampling: null` was a
    search.
    """
    former = decoding.get("sampling")
    if former is None or not (is_nothing(former) or isinstance(former, Mapping)):
        return decoding
    kind = Scalar(span=former.span, value="beam" if is_nothing(former) else "sample")
    defaults = (key for key in decoding.entries if _is_default_of_search(decoding, key))
    rest = without_entries(decoding, "sampling", *(() if is_nothing(former) else defaults))
    if isinstance(former, Mapping):
        entries, keys = {**rest.entries, **former.entries}, {**rest.keys, **former.keys}
        rest = replace(rest, entries=entries, keys=keys)
    if "kind" in rest.entries:
        return rest
    return with_entry(rest, "kind", kind, decoding.keys["sampling"])


def _is_default_of_search(decoding: Mapping, key: str) -> bool:
    field = BeamSearch.model_fields.get(key)
    is_own = field is not None and key not in Sampling.model_fields
    return is_own and field is not None and word(decoding, key) == field.default


def _mapping(node: Node) -> Node:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Mapping(span=node.span, entries={"kind": node}, keys={"kind": node.span})
    return node


def _renamed(node: Node, names: dict[str, str]) -> Node:
    """Return the mapping with new names for its keys; a key that is there under both stays."""
    if not isinstance(node, Mapping) or names.keys().isdisjoint(node.entries):
        return node
    today = {old: name for old, name in names.items() if name not in node.entries}
    entries = {today.get(key, key): below for key, below in node.entries.items()}
    keys = {today.get(key, key): place for key, place in node.keys.items()}
    return Mapping(span=node.span, entries=entries, keys=keys)
