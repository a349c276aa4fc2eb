"""Specs that have some settings of one side and some of the other."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from compiler.diff.settings import count, divided, joined, ranges
from compiler.source.diagnostic import Rejected
from compiler.source.node import (
    Mapping,
    Node,
    Path,
    Sequence,
    child,
    find,
    with_entry,
    without_entries,
)
from compiler.spec.load import Loaded, resolve_whole
from compiler.spec.model import Stack
from compiler.spec.tasks import EVERY_STACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Hybrids:
    """The specs between two: `before` and `after` are their trees, with layers divided alike."""

    before: Mapping
    after: Mapping

    def with_taken(self, paths: Iterable[Path]) -> Loaded:
        """The one side with some settings of the other; raises `Rejected` if it is no spec."""
        return _mixed(self.before, self.after, paths)

    def without(self, paths: Iterable[Path]) -> Loaded:
        """The other side with some settings as they were; raises `Rejected` if it is no spec."""
        return _mixed(self.after, self.before, paths)


def hybrids_of(before: Loaded, after: Loaded) -> Hybrids:
    """Return the hybrids of two specs."""
    trees = [before.tree, after.tree]
    for name in EVERY_STACK:
        stacks = [getattr(each.spec.model, name) for each in (before, after)]
        if all(stacks):
            trees = _alike(trees, name, stacks)
    return Hybrids(before=trees[0], after=trees[1])


def _alike(trees: list[Mapping], name: str, stacks: list[Stack]) -> list[Mapping]:
    found = ranges(stacks[0].layers, stacks[1].layers)
    totals = [count(stack.layers) for stack in stacks]
    kinds = [[(each.kinds[side], each.length(totals[side])) for each in found] for side in (0, 1)]
    return [
        _with_layers(tree, name, divided(_layers(tree, name), own))
        for tree, own in zip(trees, kinds, strict=True)
    ]


def _layers(tree: Mapping, name: str) -> Sequence:
    layers = find(tree, ("model", name, "layers"))
    assert isinstance(layers, Sequence)
    return layers


def _with_layers(tree: Mapping, name: str, layers: Sequence) -> Mapping:
    model, stack = find(tree, ("model",)), find(tree, ("model", name))
    assert isinstance(model, Mapping)
    assert isinstance(stack, Mapping)
    stack = with_entry(stack, "layers", layers, stack.keys.get("layers", layers.span))
    model = with_entry(model, name, stack, model.keys[name])
    return with_entry(tree, "model", model, tree.keys["model"])


def _mixed(base: Mapping, donor: Mapping, paths: Iterable[Path]) -> Loaded:
    tree: Node | None = base
    for path in paths:
        tree = _taken(tree, donor, path)
    assert isinstance(tree, Mapping)
    for name in EVERY_STACK:
        if isinstance(layers := find(tree, ("model", name, "layers")), Sequence):
            tree = _with_layers(tree, name, joined(layers))
    return resolve_whole(tree)


def _taken(node: Node | None, donor: Node | None, path: Path) -> Node | None:
    """Return the node after it took what the donor has at a path, be it nothing."""
    if not path:
        return donor
    step, *rest = path
    below = _taken(_child(node, step), _child(donor, step), tuple(rest))
    if isinstance(node, Sequence) and isinstance(step, int) and below is not None:
        return replace(node, items=(*node.items[:step], below, *node.items[step + 1 :]))
    return _with_entry(node, donor, str(step), below)


def _child(node: Node | None, step: str | int) -> Node | None:
    return None if node is None else child(node, step)


def _with_entry(node: Node | None, donor: Node | None, key: str, below: Node | None) -> Node | None:
    """Return the node with another under a key, or without that key; begin a missing section."""
    if below is None:
        return without_entries(node, key) if isinstance(node, Mapping) else node
    origin = donor if isinstance(donor, Mapping) else None
    if not isinstance(node, Mapping):
        node = Mapping(span=below.span, entries={}, keys={})
    place = (origin.keys.get(key) if origin else None) or node.keys.get(key, below.span)
    return with_entry(node, key, below, place)


def without_derived(locked: Loaded, paths: Iterable[Path]) -> Loaded:
    """The spec of a lock without those of some settings that would have their value anyway."""
    for path in paths:
        tree = _taken(locked.tree, None, path)
        assert isinstance(tree, Mapping)
        if _means(tree, locked):
            locked = replace(locked, tree=tree)
    return locked


def _means(tree: Mapping, spec: Loaded) -> bool:
    """Tell whether a tree is another writing of a spec."""
    try:
        return resolve_whole(tree).spec == spec.spec
    except Rejected:
        return False
