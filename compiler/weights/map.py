"""The file of an import map: what it says, each part with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, for_each, mistake, quoted
from compiler.source.node import Mapping, Node, Scalar, Sequence
from compiler.source.read import read_from, read_text
from compiler.source.span import Source, Span
from compiler.spec.extend import not_a
from compiler.spec.kinds_of_files import MAP, kind_of
from compiler.weights.expression import Expression, Foreign, Index, Indexed, Number, Range, Rows
from compiler.weights.names import PLACEHOLDER, Binding
from compiler.weights.parse import parse, wrong

KEYS = ("tensors", "ignore", "also")
_NAME = re.compile(r"(?P<name>(?:[\w.]|\{[a-z]+\})+)(?:\[(?P<slice>\w+)\])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of `tensors:`: which parameters, or which slice of them, and what they get."""

    pattern: str
    slice: str | None
    span: Span
    value: Scalar | Sequence

    def expression(self, binding: Binding) -> Expression:
        """The right side, its placeholders filled; raises `Rejected`."""
        if isinstance(self.value, Scalar):
            return _parsed(self.value, binding)
        items = for_each(self.value.items, lambda item: _parsed(item, binding))
        return Rows(items=tuple(items), span=self.value.span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A line of `ignore:`: whole tensors, or a part of each; `*` stands for any text."""

    pattern: str
    span: Span
    parts: tuple[Range | Index, ...] = ()
    """What of a tensor is meant: `emb[24:]`; all of it where there are none."""

    def matches(self, name: str) -> bool:
        return _matches(self.pattern, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Also:
    """A line of `also:`: tensors that the other model has and ours lacks, and what an export writes
    there: a number, or a copy of another tensor of theirs. `*` stands for any text.
    """

    pattern: str
    value: float | str
    span: Span

    def matches(self, name: str) -> bool:
        """Return whether the line speaks of a tensor of theirs."""
        return _matches(self.pattern, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMap:
    """`tensors:` and `ignore:` with their places; that of `ignore` is the map's if it has none.

    `also` counts where the map runs backwards, in an export; an import does not read it.
    """

    entries: tuple[Entry, ...]
    ignored: tuple[Ignored, ...]
    tensors_span: Span
    ignore_span: Span
    also: tuple[Also, ...] = ()


def read_map(path: Path) -> ImportMap:
    """The map in a file; raises `Rejected`."""
    if (kind := kind_of(path)) and kind.name != MAP:
        raise Rejected([not_a("map of names", str(path), kind)])
    return map_in(Source(name=str(path), text=read_text(path)))


def map_in(source: Source) -> ImportMap:
    """The map in a text; raises `Rejected`."""
    root = _root(source)
    if not isinstance(root, Mapping):
        span = root.span if root else Span.at(source, 0)
        raise _value(span, "an import map has the keys `tensors`, `ignore` and `also`")
    for key, span in root.keys.items():
        if key not in KEYS:
            help = did_you_mean(key, KEYS) or "an import map has `tensors`, `ignore` and `also`"
            raise Rejected([mistake(span, "unknown-key", f"unknown key {quoted(key)}", help)])
    if "tensors" not in root.keys:
        raise Rejected([mistake(root.span, "missing-key", "an import map needs `tensors`")])
    return ImportMap(
        entries=tuple(_entries(root.entries["tensors"])),
        ignored=tuple(_ignored(root.get("ignore"))),
        tensors_span=root.keys["tensors"],
        ignore_span=root.keys.get("ignore", root.keys["tensors"]),
        also=tuple(_also(root.get("also"))),
    )


def _root(source: Source) -> Node | None:
    try:
        return read_from(source, 0)
    except Rejected as rejected:
        raise Rejected(map(_explained, rejected.diagnostics)) from None


def _explained(diagnostic: Diagnostic) -> Diagnostic:
    """To YAML braces mean a mapping, where a word begins and everywhere within brackets."""
    line = diagnostic.span.source.line(diagnostic.span.line)
    if diagnostic.code != "yaml-syntax" or not PLACEHOLDER.search(line):
        return diagnostic
    help = (
        'where `{` begins a name or stands in a list in brackets, quotes are needed: "{n}.weight"'
    )
    return replace(diagnostic, help=help)


def _entries(node: Node) -> list[Entry]:
    if not isinstance(node, Mapping):
        raise _value(node.span, "`tensors` has a line for each parameter: `NAME: EXPRESSION`")
    return for_each(node.entries, lambda key: _entry(key, node.keys[key], node.entries[key]))


def _entry(key: str, span: Span, value: Node) -> Entry:
    found = _NAME.fullmatch(key)
    if found is None:
        help = "`layers.{n}.output.weight`, or `query_key_value.weight[key]` for a slice"
        raise wrong(span, f"{quoted(key)} is no name of a parameter", help)
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and not value.items):
        raise _value(value.span, "a parameter gets an expression, or a list of them")
    return Entry(pattern=found["name"], slice=found["slice"], span=span, value=value)


def _parsed(node: Node, binding: Binding) -> Expression:
    """The expression in a YAML value, its places those in the file."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        raise _value(node.span, "expected an expression: the name of a tensor, say")
    if node.value is None:
        raise wrong(node.span, "nothing is said here: name a tensor of the files, or a number")
    if not isinstance(node.value, str):
        return Number(value=float(node.value), span=node.span)
    line, text = node.span.source.line(node.span.line), node.value
    start = line.find(text, node.span.column - 1)
    if start < 0:
        raise wrong(node.span, "an expression stands on one line, without escapes")
    return parse(text, replace(node.span, column=start + 1), binding)


def _ignored(node: Node | None) -> Iterator[Ignored]:
    if node is None:
        return
    if not isinstance(node, Sequence):
        raise _value(node.span, "`ignore` is a list of names, with `*` for any text")
    for item in node.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            raise _value(item.span, "expected the name of a tensor, with `*` for any text")
        yield _ignored_part(item.value, item.span)


def _also(node: Node | None) -> Iterator[Also]:
    if node is None:
        return
    if not isinstance(node, Mapping):
        raise _value(node.span, "`also` has a line for each tensor of theirs: `NAME: 0`")
    for pattern, value in node.entries.items():
        given = value.value if isinstance(value, Scalar) else None
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise _value(value.span, "expected a number, or the name of another tensor of theirs")
        own = given if isinstance(given, str) else float(given)
        yield Also(pattern=pattern, value=own, span=node.keys[pattern])


def _ignored_part(text: str, span: Span) -> Ignored:
    """Parses `NAME` or `NAME[24:30]`, with an index as in an expression."""
    name, bracket, rest = text.partition("[")
    if not bracket or "*" in rest:
        return Ignored(pattern=text, span=span)
    try:
        indexed = parse(f"x[{rest}", span, {})
    except Rejected:
        indexed = None
    if not isinstance(indexed, Indexed) or not isinstance(indexed.base, Foreign):
        raise wrong(span, f"{quoted(text)} is no part of a tensor", "`NAME[24:30]` is one")
    return Ignored(pattern=name, span=span, parts=indexed.parts)


def _matches(pattern: str, name: str) -> bool:
    """Return whether a pattern, in which `*` alone is special, stands for a name."""
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))


def _value(span: Span, message: str) -> Rejected:
    return Rejected([mistake(span, "bad-value", message)])
