"""From a reference to a complete spec: read, extend, override, inherit, validate, complete."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

from compiler.source.diagnostic import Diagnostic, Rejected, quoted
from compiler.source.node import Mapping, Node, Scalar, deepest
from compiler.source.read import read
from compiler.source.span import Source, Span
from compiler.spec.check import check
from compiler.spec.complete import complete
from compiler.spec.inherit import inherit
from compiler.spec.library import locate, suggestion
from compiler.spec.merge import merge
from compiler.spec.moot import moot_keys
from compiler.spec.overrides import override
from compiler.spec.short_forms import write_out
from compiler.spec.spec import Spec
from compiler.spec.validate import validate

NOT_INHERITED = ("name", "summary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A complete spec with the tree that it was read from."""

    spec: Spec
    tree: Node

    def origin(self, path: str) -> Span:
        """Where the setting at a dotted path was written, or the deepest one above it."""
        return deepest(self.tree, tuple(path.split("."))).span


def load(reference: str, overrides: Iterable[str] = ()) -> Loaded:
    """The spec at a path or of the library; raises `Rejected` with all that is wrong with it."""
    file = read_extended(reference)
    settings = [write_out(override(argument)) for argument in overrides]
    tree = replace(reduce(_over, settings, file), span=file.span)
    whole = inherit(tree)
    spec = validate(whole)
    if wrong := [*_moot(file, tree, whole), *check(spec, whole)]:
        raise Rejected(wrong)
    return Loaded(spec=complete(spec), tree=whole)


def _over(base: Mapping, over: Mapping) -> Mapping:
    merged = merge(base, over)
    assert isinstance(merged, Mapping)
    return merged


def _moot(file: Mapping, tree: Mapping, whole: Mapping) -> list[Diagnostic]:
    """Keys without effect; `--set` may leave one of the file's so, as a child does a parent's."""
    alone = list(moot_keys(file, inherit(file)))
    now = moot_keys(tree, whole)
    return [each for each in now if each in alone or each.span.source is not file.span.source]


def read_extended(reference: str) -> Mapping:
    """The tree of a spec over the trees that it extends."""
    path = locate(reference)
    if path is None:
        source = Source(name="spec", text=reference)
        at = Span(source=source, line=1, column=1, width=len(reference))
        raise Rejected([_missing(reference, at)])
    return _extended(path, ())


def _extended(path: Path, children: tuple[Path, ...]) -> Mapping:
    tree = _read(path)
    parent = tree.get("extends")
    if parent is None:
        return write_out(tree)
    if not isinstance(parent, Scalar) or not isinstance(parent.value, str):
        raise Rejected([_wrong("bad-value", "`extends` names one spec", parent.span)])
    found = locate(parent.value, path.parent)
    if found is None:
        raise Rejected([_missing(parent.value, parent.span)])
    if found.resolve() in (*children, path.resolve()):
        raise Rejected([_wrong("extends-cycle", "a spec cannot extend itself", parent.span)])
    below = _extended(found, (*children, path.resolve()))
    return _over(_without(below, *NOT_INHERITED), write_out(_without(tree, "extends")))


def _read(path: Path) -> Mapping:
    start = Span(source=Source(name=str(path), text=""), line=1, column=1)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise Rejected([_wrong("not-utf-8", message, start)]) from None
    except OSError as error:
        raise Rejected([_wrong("unreadable", str(error.strerror), start)]) from None
    node = read(Source(name=str(path), text=text))
    if not isinstance(node, Mapping):
        raise Rejected([_wrong("not-a-spec", "a spec is a mapping of keys to values", node.span)])
    return node


def _without(tree: Mapping, *keys: str) -> Mapping:
    entries = {each: node for each, node in tree.entries.items() if each not in keys}
    return Mapping(span=tree.span, entries=entries, keys=tree.keys)


def _missing(reference: str, span: Span) -> Diagnostic:
    message = f"there is no spec {quoted(reference)}"
    return Diagnostic(code="no-spec", message=message, span=span, help=suggestion(reference))


def _wrong(code: str, message: str, span: Span) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=span)
