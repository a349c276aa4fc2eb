"""Inheritance from `model:` and from a stack to its layers, carried out on the tree.

`model.attention` < `model.decoder.attention` < `model.decoder.self_attention` < the same in a group
of `model.decoder.layers`, and so for each setting: the more precise place wins.
"""

from collections.abc import Iterator
from functools import reduce

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
from compiler.spec.merge import merge, word
from compiler.spec.mixer import MIXERS
from compiler.spec.position import AttentionPosition, kinds_of
from compiler.spec.tasks import (
    ATTENTIONS,
    EVERY_STACK,
    SUB_LAYERS,
    TASKS,
    USUAL_TASK,
    usual_block,
    usual_mask,
)

_SEEN_BY_ATTENTION = kinds_of(AttentionPosition)
_ALIKE = ("norm", *MIXERS)
"""Sections whose kinds share their settings: a stack that changes the kind of norm still inherits
the other settings of the model's norm."""


def _at(key: str, *holders: str) -> tuple[tuple[str, str], ...]:
    return tuple((holder, key) for holder in holders)


Holders = dict[str, Node | None]
"""The sections that a setting may be written in, by the names that `SOURCES` has for them."""
SOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    **{
        each: (
            *(("model", "attention"), ("stack", "attention"), ("stack", each)),
            *(("layers", "attention"), ("layers", each)),
        )
        for each in ATTENTIONS
    },
    "norm": _at("norm", "model", "stack"),
    "residual": _at("residual", "model", "stack"),
    **{each: _at(each, "model", "stack", "layers") for each in (*MIXERS, "feed_forward")},
    "block": _at("block", "stack", "layers"),
    "distinct": _at("distinct", "stack", "layers"),
    "dropout": _at("dropout", "model", "stack", "layers"),
    "stochastic_depth": _at("stochastic_depth", "stack", "layers"),
    "layer_scale": _at("layer_scale", "stack", "layers"),
    "position": _at("position", "embedding", "stack", "layers"),
}
"""For each setting of a stack or its layers, where it may be written, the most general place first:
the section, and the key there. All that is known of inheritance follows from this table."""
_OF_LAYERS = ("block", "distinct", "dropout", "stochastic_depth", "layer_scale")
_OWN = {
    *(("model", "dropout"), ("stack", "norm"), ("stack", "residual"), ("stack", "position")),
    *(("layers", each) for each in (*_OF_LAYERS, "position")),
}
"""Settings that a section uses itself, besides handing them down."""


def _handed_down(holder: str) -> tuple[str, ...]:
    found = dict.fromkeys(key for each in SOURCES.values() for at, key in each if at == holder)
    return tuple(key for key in found if (holder, key) not in _OWN)


def _paths(stack: str) -> dict[str, tuple[str, ...]]:
    """Return the paths of the sections that a stack and its layers inherit from."""
    above: dict[str, tuple[str, ...]] = {"model": ("model",), "embedding": ("model", "embedding")}
    return above | {"stack": ("model", stack), "layers": ("model", stack, "layers")}


HANDED_DOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    path: _handed_down(holder) for stack in EVERY_STACK for holder, path in _paths(stack).items()
}
"""The keys that may stand at a place only for those below it to inherit."""


def places_of(stack: str, key: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths at which a setting of a stack or its layers may be written, the most general
    first; those of layers have no numbers.
    """
    return tuple((*_paths(stack)[holder], name) for holder, name in SOURCES[key])


def written_at(path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the paths at which the setting at a path of a complete spec may have been written."""
    if path[:1] != ("model",) or path[1:2] == () or path[1] not in EVERY_STACK:
        return (path,)
    above = 3 if path[2:3] == ("layers",) else 2
    if path[above : above + 1] == () or path[above] not in SOURCES:
        return (path,)
    return tuple((*each, *path[above + 1 :]) for each in places_of(path[1], path[above]))


def inherit(root: Mapping) -> Mapping:
    """Return the tree of a spec with the settings of every place complete but for defaults."""
    model = root.get("model")
    if not isinstance(model, Mapping):
        return root
    task = task_of(root)
    for stack in TASKS[task].stacks if task in TASKS else ():
        written = model.get(stack)
        if written is None or is_nothing(written) or isinstance(written, Mapping):
            place = model.keys.get(stack, model.span)
            nothing = Mapping(span=place, entries={}, keys={})
            below = written if isinstance(written, Mapping) else nothing
            usual = usual_block(task, stack)
            model = with_entry(model, stack, _stack(model, below, stack, usual), place)
    embedding = model.get("embedding")
    if isinstance(embedding, Mapping):
        below = without_entries(embedding, "position")
        model = with_entry(model, "embedding", below, model.keys["embedding"])
    return with_entry(
        root, "model", without_entries(model, *HANDED_DOWN["model",]), root.keys["model"]
    )


def task_of(root: Mapping) -> str:
    """Return the name of the task that the model is for."""
    return str(word(root, "task", USUAL_TASK))


def sub_layers_of(block: Node | None) -> Iterator[str]:
    """Yield the sub-layers that a block names, those that run side by side, too."""
    if isinstance(block, Sequence):
        for item in block.items:
            yield from sub_layers_of(item)
    elif isinstance(block, Scalar) and block.value in SUB_LAYERS:
        yield str(block.value)


def _stack(model: Mapping, stack: Mapping, name: str, usual: tuple[str, ...]) -> Mapping:
    holders: dict[str, Node | None] = {
        "model": model,
        "embedding": model.get("embedding"),
        "stack": stack,
    }
    stack = _over(stack, "position", *_written("position", holders))
    groups = _groups(stack.get("layers"))
    if isinstance(groups, Sequence):
        below = tuple(_group(model, stack, each, name, usual) for each in groups.items)
        layers = Sequence(span=groups.span, items=below)
        stack = with_entry(stack, "layers", layers, stack.keys["layers"])
    for each in ("norm", "residual"):
        stack = _over(stack, each, *_written(each, holders))
    if _is_seen(stack.get("position")):
        stack = _by_default(stack, "position", _none(stack.span))
    return without_entries(stack, *HANDED_DOWN["model", name])


def _groups(layers: Node | None) -> Node | None:
    """Return the groups of layers: a number of layers is one group of so many."""
    if not isinstance(layers, Scalar):
        return layers
    one = Mapping(span=layers.span, entries={"repeat": layers}, keys={"repeat": layers.span})
    return Sequence(span=layers.span, items=(one,))


def _group(model: Mapping, stack: Mapping, group: Node, name: str, usual: tuple[str, ...]) -> Node:
    if not isinstance(group, Mapping):
        return group
    whole = group
    holders: Holders = {"model": model, "stack": stack, "layers": group}
    for each in _OF_LAYERS:
        whole = _over(whole, each, *_written(each, holders))
    if "block" not in whole.entries:
        whole = _by_default(whole, "block", _listed(usual, group.span))
    names = tuple(sub_layers_of(whole.get("block")))
    if "self_attention" not in names:
        whole = without_entries(whole, "position") if _is_seen(whole.get("position")) else whole
    elif _is_seen(stack.get("position")):
        whole = _over(whole, "position", *_written("position", holders))
    for each in names:
        whole = _over(whole, each, *_written(each, holders))
        if each in ATTENTIONS:
            whole = _with_mask(whole, each, usual_mask(name, each))
    return without_entries(whole, "attention", *(each for each in SUB_LAYERS if each not in names))


def _written(key: str, holders: Holders) -> Iterator[Node | None]:
    """Yield what is written of a setting in each of the sections, the most general first."""
    for holder, name in SOURCES[key]:
        section = holders.get(holder)
        yield section.get(name) if isinstance(section, Mapping) else None


def _with_mask(group: Mapping, sub_layer: str, mask: str) -> Mapping:
    """Return the group with the mask that an attention has by default."""
    node = group.get(sub_layer) or Mapping(span=group.span, entries={}, keys={})
    if not isinstance(node, Mapping) or "mask" in node.entries:
        return group
    node = _by_default(node, "mask", Scalar(span=group.span, value=mask))
    return with_entry(group, sub_layer, node, group.keys.get(sub_layer, node.span))


def _is_seen(position: Node | None) -> bool:
    return isinstance(position, Mapping) and word(position, "kind") in _SEEN_BY_ATTENTION


def _none(span: Span) -> Mapping:
    """Return the mapping of no position."""
    return Mapping(span=span, entries={"kind": Scalar(span=span, value="none")}, keys={})


def _listed(words: tuple[str, ...], span: Span) -> Sequence:
    return Sequence(span=span, items=tuple(Scalar(span=span, value=each) for each in words))


def _by_default(mapping: Mapping, key: str, node: Node) -> Mapping:
    """Return the mapping with a value that the author has not written: its key has no place."""
    keys = {each: place for each, place in mapping.keys.items() if each != key}
    return Mapping(span=mapping.span, entries={**mapping.entries, key: node}, keys=keys)


def _over(mapping: Mapping, key: str, *layers: Node | None) -> Mapping:
    written = [each for each in layers if each is not None and not is_nothing(each)]
    if not written:
        return mapping
    handed = merge if key not in _ALIKE else _keeping_the_rest
    node = _misplaced(key, written) or reduce(handed, written)
    return with_entry(mapping, key, node, mapping.keys.get(key, node.span))


def _keeping_the_rest(base: Node, over: Node) -> Node:
    """Merge like `merge`, but let another kind take the place of the kind alone."""
    if isinstance(base, Mapping) and isinstance(over, Mapping) and "kind" in over.entries:
        base = without_entries(base, "kind")
    return merge(base, over)


def _misplaced(key: str, layers: list[Node]) -> Node | None:
    """Return a word that stands in the place of a section, so that validation refuses it there."""
    words = (each for each in layers if not isinstance(each, Mapping))
    return None if key in _OF_LAYERS else next(words, None)
