"""The tree of a YAML document; every node knows its place."""

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from compiler.source.span import Span

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A value without parts."""

    span: Span
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list."""

    span: Span
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys with nodes. `keys` holds the place of each key that was written."""

    span: Span
    entries: AbstractMapping[str, "Node"]
    keys: AbstractMapping[str, Span]

    def get(self, key: str) -> "Node | None":
        return self.entries.get(key)


Node = Scalar | Sequence | Mapping
Path = tuple[str | int, ...]


def steps_of(path: str) -> Path:
    """Return the steps of a dotted path: `model.encoder.layers.0`."""
    return tuple(int(step) if step.isdecimal() else step for step in path.split("."))


def to_python(node: Node) -> object:
    """The plain value of a tree."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [to_python(item) for item in items]
        case Mapping(entries=entries):
            return {key: to_python(entry) for key, entry in entries.items()}


def is_nothing(node: Node) -> bool:
    """Return whether the author wrote `null`, or a key without a value."""
    return isinstance(node, Scalar) and node.value is None


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """The node at `path` and all below it, with their paths."""
    yield path, node
    if isinstance(node, Mapping):
        for key, below in node.entries.items():
            yield from walk(below, (*path, key))
    elif isinstance(node, Sequence):
        for number, below in enumerate(node.items):
            yield from walk(below, (*path, number))


def child(node: Node, step: str | int) -> Node | None:
    """The node below `step`, if there is one."""
    if isinstance(node, Mapping):
        return node.entries.get(str(step))
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def find(node: Node, path: Path) -> Node | None:
    """The node at `path`, if there is one."""
    for step in path:
        below = child(node, step)
        if below is None:
            return None
        node = below
    return node


def deepest(node: Node, path: Path) -> Node:
    """The node at `path`, or the deepest on the way that was written."""
    for step in path:
        below = child(node, step)
        if below is None:
            return node
        node = below
    return node


def with_entry(mapping: Mapping, key: str, node: Node, key_span: Span) -> Mapping:
    """The mapping with one entry set."""
    entries = {**mapping.entries, key: node}
    return Mapping(span=mapping.span, entries=entries, keys={**mapping.keys, key: key_span})


def without_entries(mapping: Mapping, *keys: str) -> Mapping:
    """The mapping without some entries; where their keys were written stays known."""
    entries = {key: node for key, node in mapping.entries.items() if key not in keys}
    return Mapping(span=mapping.span, entries=entries, keys=mapping.keys)


def place_of_key(root: Node, path: Path) -> Span:
    """Return the place of the last key of a path, or of the node above where it is not written."""
    holder, key = deepest(root, path[:-1]), str(path[-1])
    return holder.keys.get(key, holder.span) if isinstance(holder, Mapping) else holder.span
