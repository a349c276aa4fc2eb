"""A spec's file over the files that it extends: one tree, whose nodes know their places."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as File

from compiler.source.diagnostic import Diagnostic, Rejected, mistake, quoted
from compiler.source.limits import ANCESTORS
from compiler.source.node import Mapping, Path, Scalar, without_entries
from compiler.source.read import read
from compiler.source.span import Source, Span
from compiler.spec.kinds_of_files import SPEC, Kind, kind_of, of_text
from compiler.spec.library import DiskFile, SpecFile, locate, suggestion
from compiler.spec.merge import lost, merge
from compiler.spec.shorthand import write_out
from compiler.spec.spec import Spec

NOT_INHERITED = ("name", "summary")
_CERTAIN = {"model", "training", "extends"}
_KEY_LINE = re.compile(r"(?m)^(\w+)\s*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An inherited setting that the choice of a child left without effect."""

    path: Path
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """The tree of a spec and, if it extends one, that of its parent with the place that says so."""

    tree: Mapping
    parent: Mapping | None = None
    extends: Span | None = None
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSettings:
    """The settings that one file has of a spec, without those that it inherits."""

    name: str
    text: str
    tree: Mapping


def read_extended(reference: str) -> Extended:
    """The tree of a spec over the trees that it extends; raises `Rejected`."""
    path = locate(reference)
    require_spec(kind_of(path or File(reference)), reference)
    if path is None:
        source = Source(name="spec", text=reference)
        at = Span(source=source, line=1, column=1, width=len(reference))
        raise Rejected([no_spec(reference, at)])
    return read_file(DiskFile(path=path))


def read_file(file: SpecFile) -> Extended:
    """The tree of the spec in a file over the trees that it extends; raises `Rejected`."""
    text = file.read()
    require_spec(of_text(text, File(file.name)), file.name)
    return _extended(file, _parsed(file, text), (file.identity,))


def lineage(file: SpecFile) -> Iterator[OwnSettings]:
    """Yield the settings of a spec and of those that it extends, the closest first.

    The spec is one that `read_file` has accepted, so no file extends itself.
    """
    found: SpecFile | None = file
    while found is not None:
        text = found.read()
        tree = _parsed(found, text)
        own = write_out(without_entries(tree, "extends"))
        yield OwnSettings(name=found.name, text=text, tree=own)
        parent = tree.get("extends")
        found = found.find(str(parent.value)) if isinstance(parent, Scalar) else None


def over(base: Mapping, above: Mapping) -> Mapping:
    """The one tree over the other."""
    merged = merge(base, above)
    assert isinstance(merged, Mapping)
    return merged


def dropped(base: Mapping, above: Mapping) -> Iterator[Dropped]:
    """Return the settings of `base` that are dropped because `above` is of another kind."""
    return (Dropped(path=path, span=span) for path, span in lost(base, above))


def require_spec(kind: Kind | None, reference: str) -> None:
    """Raise `Rejected` for a file that is known to be of another kind."""
    if kind is not None and kind.name != SPEC:
        raise Rejected([not_a(SPEC, reference, kind)])


def not_a(wanted: str, reference: str, kind: Kind) -> Diagnostic:
    """The diagnostic of a file or folder of another kind than a command reads."""
    at = Span(source=Source(name=reference, text=""), line=1, column=1)
    article = "an" if wanted[0] in "aeiou" else "a"
    return mistake(at, "not-a-spec", f"this is {kind.words}, not {article} {wanted}", kind.advice)


def no_spec(reference: str, span: Span, beside: File | None = None) -> Diagnostic:
    """A reference, seen from the folder `beside`, that leads to nothing."""
    return _missing(reference, span, suggestion(reference, beside))


def _extended(file: SpecFile, tree: Mapping, line: tuple[str, ...]) -> Extended:
    """`line` is the spec itself and its children: what it must not extend."""
    reference = tree.get("extends")
    if reference is None:
        return Extended(tree=write_out(tree))
    at = reference.span
    if not isinstance(reference, Scalar) or not isinstance(reference.value, str):
        raise Rejected([mistake(at, "bad-value", "`extends` names one spec")])
    found = file.find(reference.value)
    if found is None:
        raise Rejected([_missing(reference.value, at, file.suggestion(reference.value))])
    if found.identity in line:
        raise Rejected([mistake(at, "extends-cycle", "a spec cannot extend itself")])
    if len(line) > ANCESTORS:
        message = f"this is one parent too many: {ANCESTORS} specs already extend one another"
        help = "write what the oldest of them say into one spec, and extend that"
        raise Rejected([mistake(at, "bad-parent", message, help)])
    below = _extended(found, _read_parent(found, reference.value, at), (*line, found.identity))
    parent = without_entries(below.tree, *NOT_INHERITED)
    own = write_out(without_entries(tree, "extends"))
    gone = (*below.dropped, *dropped(parent, own))
    return Extended(tree=over(parent, own), parent=parent, extends=at, dropped=gone)


def _parsed(file: SpecFile, text: str) -> Mapping:
    node = read(Source(name=file.name, text=text))
    if not isinstance(node, Mapping):
        raise Rejected([mistake(node.span, "not-a-spec", "a spec is a mapping of keys to values")])
    return node


def _read_parent(file: SpecFile, reference: str, at: Span) -> Mapping:
    """Return the tree of a parent. Errors quote nothing of a file that is no spec."""
    text = file.read()
    try:
        tree = _parsed(file, text)
    except Rejected:
        if _is_surely_a_spec(_KEY_LINE.findall(text)):
            raise
    else:
        if tree.entries.keys() <= {*Spec.model_fields, "extends"} or _is_surely_a_spec(tree.keys):
            return tree
    kind = of_text(text, File(file.name))
    is_other = kind is not None and kind.name != SPEC
    message = f"{quoted(reference)} is {f'{kind.words}, ' if kind and is_other else ''}not a spec"
    help = "`extends` names the file of a spec, or a spec of the library"
    raise Rejected([mistake(at, "bad-parent", message, help)])


def _is_surely_a_spec(keys: Iterable[str]) -> bool:
    """Judged by the keys of its top level."""
    found = set(keys)
    return "name" in found and not found.isdisjoint(_CERTAIN)


def _missing(reference: str, span: Span, help: str) -> Diagnostic:
    return mistake(span, "no-spec", f"there is no spec {quoted(reference)}", help)
