"""Settings of a spec that one of the specs that extend it overrides."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from compiler.source.node import Mapping, Path, deepest, find, walk
from compiler.source.span import Span
from compiler.spec.extend import NOT_INHERITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """A setting, or a section of them, with the place in a child that overrides it.

    Of a section only some settings may be overridden.
    """

    name: str
    span: Span
    is_section: bool


def overridden(
    tree: Mapping, line: int, children: Iterable[Mapping], dropped: frozenset[Path]
) -> tuple[Overridden, ...]:
    """Return the settings on a line, counted from 1, of a file of a spec that children override.

    `children` are the settings of the files that extend it, the last child first. `dropped` are
    those that the choice of another kind left without effect.
    """
    found = []
    for path, is_section in _written_on(tree, line):
        spans = (_overriding(each, path, is_dropped=path in dropped) for each in children)
        if span := next((each for each in spans if each), None):
            name = ".".join(map(str, path))
            found.append(Overridden(name=name, span=span, is_section=is_section))
    return tuple(found)


def _written_on(tree: Mapping, line: int) -> list[tuple[Path, bool]]:
    """Return the paths of settings on a line, or of a section whose key stands there alone."""
    nodes = [(path, node) for path, node in walk(tree) if path and path[0] not in NOT_INHERITED]
    values = dict.fromkeys(
        _without_numbers(path)
        for path, node in nodes
        if not isinstance(node, Mapping) and node.span.line == line
    )
    sections = (
        path
        for path, node in nodes
        if isinstance(node, Mapping) and _without_numbers(path) == path
        if (key := _key(tree, path)) and key.line == line
        if not any(each[: len(path)] == path for each in values)
    )
    return [*((path, False) for path in values), *((path, True) for path in sections)]


def _without_numbers(path: Path) -> Path:
    """Return the path of the whole list that a path leads into: a child replaces it as one."""
    return tuple(takewhile(lambda step: isinstance(step, str), path))


def _key(tree: Mapping, path: Path) -> Span | None:
    holder = find(tree, path[:-1])
    return holder.keys.get(str(path[-1])) if isinstance(holder, Mapping) else None


def _overriding(child: Mapping, path: Path, *, is_dropped: bool) -> Span | None:
    """Return the place in the settings of a child that overrides, removes or drops one."""
    node = deepest(child, path)
    if not isinstance(node, Mapping):
        return node.span
    if find(child, path) is node:
        return _key(child, path)
    section = find(child, path[:-1])
    if is_dropped and isinstance(section, Mapping):
        return section.keys.get("kind", section.span)
    return None
