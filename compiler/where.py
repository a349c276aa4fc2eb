"""The settings behind a line of code, and the code behind a line of a spec."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from compiler.diff.operand import Operand
from compiler.diff.patience import paired
from compiler.diff.settings import plain
from compiler.source.node import walk
from compiler.source.span import Source, Span
from compiler.source.write import flow
from compiler.source_map import Setting, SourceMap, source_map
from compiler.spec.load import Loaded
from compiler.spec.model import LayerGroup
from compiler.spec.paths import value_at
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFile:
    """A file of a package as it is there, with the settings of each of its lines.

    `edited` are the lines, from 0 on, that the spec does not compile to.
    """

    name: str
    lines: tuple[str, ...]
    settings: tuple[tuple[Setting, ...], ...]
    edited: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCode:
    """The code of a spec, with the settings behind each of its lines.

    `sources` are the texts that its settings stand in.
    """

    spec: Spec
    sources: tuple[Source, ...]
    files: tuple[CodeFile, ...]

    def spans_on(self, source: str, line: int) -> set[Span]:
        """Return the places of settings on a line, counted from 1, of a text."""
        return {
            span
            for file in self.files
            for settings in file.settings
            for each in settings
            for span in each.spans
            if span.source.name == source and span.line == line
        }

    def code_of(self, source: str, line: int) -> Iterator[tuple[CodeFile, range]]:
        """Yield the runs of lines, from 0 on, that come from a line of a text."""
        spans = self.spans_on(source, line)
        for file in self.files:
            found = [
                number
                for number, settings in enumerate(file.settings)
                if any(span in spans for each in settings for span in each.spans)
            ]
            yield from ((file, each) for each in runs(found, file.lines))


def runs(numbers: Iterable[int], lines: Sequence[str]) -> Iterator[range]:
    """Yield the ranges of the numbers of lines between which there are none but blank lines."""
    first = last = -1
    for number in numbers:
        if first >= 0 and any(lines[each].strip() for each in range(last + 1, number)):
            yield range(first, last + 1)
            first = -1
        first, last = number if first < 0 else first, number
    if first >= 0:
        yield range(first, last + 1)


def linked_code(operand: Operand, loaded: Loaded | None = None) -> LinkedCode:
    """Return a spec or a package with its code; raises `Rejected`.

    `loaded` is the spec in its author's words, where the operand has it as a lock.
    """
    found = source_map(loaded or operand.package.loaded)
    names = [name for name in found.files if name.endswith(".py")]
    return LinkedCode(
        spec=found.loaded.spec,
        sources=_sources(found.loaded),
        files=tuple(_file(name, found, operand) for name in names),
    )


def _sources(loaded: Loaded) -> tuple[Source, ...]:
    """Return the texts that the settings of a spec stand in, its own first."""
    every = (node.span.source for _, node in walk(loaded.tree))
    return tuple(dict.fromkeys([loaded.tree.span.source, *every]))


def _file(name: str, found: SourceMap, operand: Operand) -> CodeFile:
    compiled = found.files[name].removesuffix("\n").split("\n")
    there = operand.files.get(name, "").removesuffix("\n").split("\n")
    partners = paired(compiled, there).partners
    settings = found.lines[name]
    return CodeFile(
        name=name,
        lines=tuple(there),
        settings=tuple(
            settings[partners[line]] if line in partners else () for line in range(len(there))
        ),
        edited=frozenset(range(len(there)) - partners.keys()),
    )


def value_of(setting: Setting, spec: Spec) -> str:
    """Return the value of a setting on one line: of layers their number; a section is called so."""
    found = (value_at(spec, path) for path in setting.paths)
    return ", ".join(dict.fromkeys(_shown(value) for value in found if value is not None))


def _shown(value: object) -> str:
    if is_leaf(value):
        return flow(plain(value))
    groups = value if isinstance(value, list) else [value]
    layers = [each.repeat for each in groups if isinstance(each, LayerGroup)]
    if not layers:
        return "section"
    return f"{sum(layers)} layer{'s' * (sum(layers) > 1)}"


def is_leaf(value: object) -> bool:
    """Return whether a value is no section, and no list of sections."""
    first = value[0] if isinstance(value, list) and value else value
    return value is not None and not isinstance(first, BaseModel)


def place_of(setting: Setting, named: Callable[[str], str] | None = None) -> str:
    """Return where a setting was written, or in words what a default follows from.

    `named` gives the names of files, which are those seen from the current folder otherwise.
    """
    if setting.span:
        return shown_span(setting.span, named)
    if not setting.follows:
        return "default"
    others = (f"{each.name} ({place_of(each, named)})" for each in setting.follows)
    return f"default, derived from {' and '.join(others)}"


def shown_span(span: Span, named: Callable[[str], str] | None = None) -> str:
    """Return `file:line:column`, or the option that says a setting."""
    if span.source.name == "--set":
        return f"--set {span.source.text}"
    return f"{(named or short)(span.source.name)}:{span.line}:{span.column}"


def short(name: str) -> str:
    """Return the name of a file as it is seen from the current folder, if it lies below it."""
    path, here = Path(name), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else name
