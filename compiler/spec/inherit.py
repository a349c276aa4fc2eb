"""What stacks inherit from `model:`, and sub-layers from their stack, carried out on the tree.

`model.attention` < `model.decoder.attention` < `model.decoder.self_attention`, and so for each
setting: the more precise place wins.
"""

from functools import reduce

from compiler.source.node import Mapping, Node, Path, Scalar, is_nothing, with_entry
from compiler.spec.merge import merge

SUB_LAYERS = {
    "encoder": {"self_attention": "all"},
    "decoder": {"self_attention": "causal", "cross_attention": "all"},
}
_MAPPINGS = ("attention", "norm", "feed_forward")
_STACK_SETTINGS = ("dropout", "norm", "feed_forward")
PLACES: tuple[tuple[str, ...], ...] = (
    *(("model", key) for key in _MAPPINGS),
    *(("model", stack, "attention") for stack in SUB_LAYERS),
)


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
    own = {key: node for key, node in model.entries.items() if key not in _MAPPINGS}
    model = Mapping(span=model.span, entries=own, keys=model.keys)
    return with_entry(root, "model", model, root.keys["model"])


def handed_down(path: Path) -> set[str]:
    """The keys that may stand at `path` for the places below it to inherit."""
    return {"extends"} if path == () else {key for *above, key in PLACES if tuple(above) == path}


def _stack(model: Mapping, stack: Mapping, name: str) -> Mapping:
    for setting in _STACK_SETTINGS:
        stack = _over(stack, setting, model.get(setting), stack.get(setting))
    for sub_layer, mask in SUB_LAYERS[name].items():
        layers = (model.get("attention"), stack.get("attention"), stack.get(sub_layer))
        stack = _with_mask(_over(stack, sub_layer, *layers), sub_layer, mask)
    entries = {key: node for key, node in stack.entries.items() if key != "attention"}
    return Mapping(span=stack.span, entries=entries, keys=stack.keys)


def _with_mask(stack: Mapping, sub_layer: str, mask: str) -> Mapping:
    """The mask that a place has by default, under no key of the author's."""
    node = stack.get(sub_layer) or Mapping(span=stack.span, entries={}, keys={})
    if not isinstance(node, Mapping) or "mask" in node.entries:
        return stack
    entries = {**node.entries, "mask": _word(mask, stack)}
    node = Mapping(span=node.span, entries=entries, keys=node.keys)
    return with_entry(stack, sub_layer, node, stack.keys.get(sub_layer, node.span))


def _over(stack: Mapping, key: str, *layers: Node | None) -> Mapping:
    written = [each for each in layers if each is not None and not is_nothing(each)]
    if not written:
        return stack
    node = _misplaced(key, written) or reduce(merge, written)
    return with_entry(stack, key, node, stack.keys.get(key, node.span))


def _misplaced(key: str, layers: list[Node]) -> Node | None:
    """A word where keys and values belong: kept for validation to refuse, not to be merged over."""
    words = (each for each in layers if not isinstance(each, Mapping))
    return None if key == "dropout" else next(words, None)


def _word(text: str, near: Node) -> Scalar:
    return Scalar(span=near.span, value=text)
