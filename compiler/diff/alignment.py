"""Layers of two stacks side by side: 6 of one kind beside 5 of one and 1 of another."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from itertools import groupby

from compiler.source.node import Mapping, Node, Scalar, Sequence, to_python, with_entry
from compiler.spec.model import LayerGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Layers `first` to `last`, counted from 1, that are of one kind in each stack.

    `kinds` are the numbers of the two. Where a stack has ended, its last kind stands for what it
    does not have.
    """

    first: int
    last: int
    kinds: tuple[int, int]

    @property
    def name(self) -> str:
        if self.first == self.last:
            return f"layer {self.first}"
        return f"layers {self.first}-{self.last}"

    def length(self, layers: int) -> int:
        """How many of so many layers lie in it."""
        return max(0, min(self.last, layers) - self.first + 1)


def count(groups: Items[LayerGroup]) -> int:
    """How many layers there are."""
    return sum(group.repeat for group in groups)


def ranges(before: Items[LayerGroup], after: Items[LayerGroup]) -> list[Range]:
    """The ranges in their order."""
    layers = max(count(before), count(after))
    kinds = zip(*(_kinds(each, layers) for each in (before, after)), strict=True)
    found, first = [], 1
    for both, same in groupby(kinds):
        last = first + len(list(same)) - 1
        found.append(Range(first=first, last=last, kinds=both))
        first = last + 1
    return found


def _kinds(groups: Items[LayerGroup], layers: int) -> list[int]:
    """The number of the kind of each layer."""
    numbers = [number for number, group in enumerate(groups) for _ in range(group.repeat)]
    return numbers + [len(groups) - 1] * (layers - len(numbers))


def divided(layers: Sequence, kinds: Items[tuple[int, int]]) -> Sequence:
    """The list of a spec's tree with an item for each (number of the kind, layers)."""
    return Sequence(
        span=layers.span,
        items=tuple(_repeated(layers.items[number], repeat) for number, repeat in kinds),
    )


def joined(layers: Sequence) -> Sequence:
    """The list with one item where neighbours differ in nothing but their number."""
    there = [item for item in layers.items if _repeat(item) > 0]
    items = [list(same) for _, same in groupby(there, _settings)]
    whole = [_repeated(same[0], sum(map(_repeat, same))) for same in items]
    return Sequence(span=layers.span, items=tuple(whole))


def _repeat(item: Node) -> int:
    node = item.get("repeat") if isinstance(item, Mapping) else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else 1


def _settings(item: Node) -> object:
    """All but the number."""
    settings = to_python(item)
    assert isinstance(settings, dict)
    return {key: value for key, value in settings.items() if key != "repeat"}


def _repeated(item: Node, repeat: int) -> Mapping:
    assert isinstance(item, Mapping)
    span = item.entries["repeat"].span if "repeat" in item.entries else item.span
    return with_entry(
        item, "repeat", Scalar(span=span, value=repeat), item.keys.get("repeat", span)
    )
