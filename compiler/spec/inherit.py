"""What layers inherit from `model:` and from their stack, carried out on the tree.

`model.attention` < `model.decoder.attention` < `model.decoder.self_attention` < the same in a group
of `model.decoder.layers`, and so for each setting: the more precise place wins.
"""

from functools import reduce

from compiler.source.node import Mapping, Node, Path, Scalar, Sequence, is_nothing, with_entry
from compiler.spec.merge import merge

SUB_LAYERS = {
    "encoder": {"self_attention": "all"},
    "decoder": {"self_attention": "causal", "cross_attention": "all"},
}
_MAPPINGS = ("attention", "norm", "feed_forward")
_OF_LAYERS = ("dropout", "feed_forward")
HANDED_DOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("model",): _MAPPINGS,
    **{
        ("model", stack): ("attention", *sub_layers, *_OF_LAYERS)
        for stack, sub_layers in SUB_LAYERS.items()
    },
    **{("model", stack, "layers"): ("attention",) for stack in SUB_LAYERS},
}
"""The keys that may stand at a place for those below it to inherit."""


def inherit(root: Mapping) -> Mapping:
    """The tree of a spec with the settings of every place complete but for defaults."""
    model = root.get("model")
    if not isinstance(model, Mapping):
        return root
    for stack in SUB_LAYERS:
        if (written := model.get(stack)) is None or isinstance(written, Mapping):
            below = written or Mapping(span=model.span, entries={}, keys={})
            assert isinstance(below, Mapping)
            place = model.keys.get(stack, model.span)
            model = with_entry(model, stack, _stack(model, below, stack), place)
    return with_entry(root, "model", _without(model, *_MAPPINGS), root.keys["model"])


def handed_down(path: Path) -> set[str]:
    """The keys that may stand at `path` for the places below it to inherit."""
    if path == ():
        return {"extends"}
    return set(HANDED_DOWN.get(tuple(str(step) for step in path if isinstance(step, str)), ()))


def _stack(model: Mapping, stack: Mapping, name: str) -> Mapping:
    groups = _groups(stack.get("layers"))
    if isinstance(groups, Sequence):
        below = tuple(_group(model, stack, each, name) for each in groups.items)
        layers = Sequence(span=groups.span, items=below)
        stack = with_entry(stack, "layers", layers, stack.keys["layers"])
    stack = _over(stack, "norm", model.get("norm"), stack.get("norm"))
    return _without(stack, *HANDED_DOWN["model", name])


def _groups(layers: Node | None) -> Node | None:
    """A number of layers is one group of so many."""
    if not isinstance(layers, Scalar):
        return layers
    one = Mapping(span=layers.span, entries={"repeat": layers}, keys={"repeat": layers.span})
    return Sequence(span=layers.span, items=(one,))


def _group(model: Mapping, stack: Mapping, group: Node, name: str) -> Node:
    if not isinstance(group, Mapping):
        return group
    whole = group
    for setting in _OF_LAYERS:
        above = (model.get(setting), stack.get(setting))
        whole = _over(whole, setting, *above, group.get(setting))
    for sub_layer, mask in SUB_LAYERS[name].items():
        everywhere = (model.get("attention"), stack.get("attention"), stack.get(sub_layer))
        own = (group.get("attention"), group.get(sub_layer))
        whole = _with_mask(_over(whole, sub_layer, *everywhere, *own), sub_layer, mask)
    return _without(whole, "attention")


def _with_mask(group: Mapping, sub_layer: str, mask: str) -> Mapping:
    """The mask that a place has by default, under no key of the author's."""
    node = group.get(sub_layer) or Mapping(span=group.span, entries={}, keys={})
    if not isinstance(node, Mapping) or "mask" in node.entries:
        return group
    entries = {**node.entries, "mask": Scalar(span=group.span, value=mask)}
    node = Mapping(span=node.span, entries=entries, keys=node.keys)
    return with_entry(group, sub_layer, node, group.keys.get(sub_layer, node.span))


def _over(mapping: Mapping, key: str, *layers: Node | None) -> Mapping:
    written = [each for each in layers if each is not None and not is_nothing(each)]
    if not written:
        return mapping
    node = _misplaced(key, written) or reduce(merge, written)
    return with_entry(mapping, key, node, mapping.keys.get(key, node.span))


def _misplaced(key: str, layers: list[Node]) -> Node | None:
    """A word where keys and values belong: kept for validation to refuse, not to be merged over."""
    words = (each for each in layers if not isinstance(each, Mapping))
    return None if key == "dropout" else next(words, None)


def _without(mapping: Mapping, *keys: str) -> Mapping:
    entries = {key: node for key, node in mapping.entries.items() if key not in keys}
    return Mapping(span=mapping.span, entries=entries, keys=mapping.keys)
