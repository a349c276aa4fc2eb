"""What stacks inherit from `model:`, and sub-layers from their stack, carried out on the tree.

`model.attention` < `model.decoder.attention` < `model.decoder.self_attention`, and so for each
setting: the more precise place wins.
"""

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Path, Scalar, with_entry
from compiler.spec.merge import merge

SUB_LAYERS = {
    "encoder": {"self_attention": "all"},
    "decoder": {"self_attention": "causal", "cross_attention": "all"},
}
_SCALARS = ("dropout",)
_STACK_SETTINGS = (*_SCALARS, "norm", "feed_forward")


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
    own = {key: node for key, node in model.entries.items() if key not in _HANDED_DOWN}
    model = Mapping(span=model.span, entries=own, keys=model.keys)
    return with_entry(root, "model", model, root.keys["model"])


_HANDED_DOWN = {"attention", "norm", "feed_forward"}


def handed_down(path: Path) -> set[str]:
    """The keys that may stand at `path` for the places below it to inherit."""
    if path == ():
        return {"extends"}
    if path == ("model",):
        return _HANDED_DOWN
    return {"attention"} if path[0] == "model" and path[-1] in SUB_LAYERS else set()


def _stack(model: Mapping, stack: Mapping, name: str) -> Mapping:
    for setting in _STACK_SETTINGS:
        stack = _over(stack, setting, model.get(setting), stack.get(setting))
    for sub_layer, mask in SUB_LAYERS[name].items():
        default = Mapping(span=stack.span, entries={"mask": _word(mask, stack)}, keys={})
        layers = (default, model.get("attention"), stack.get("attention"), stack.get(sub_layer))
        stack = _over(stack, sub_layer, *layers)
    entries = {key: node for key, node in stack.entries.items() if key != "attention"}
    return Mapping(span=stack.span, entries=entries, keys=stack.keys)


def _over(stack: Mapping, key: str, *layers: Node | None) -> Mapping:
    written = [each for each in layers if each is not None and not _is_nothing(each)]
    if not written:
        return stack
    _require_one_shape(key, written)
    node = written[0]
    for each in written[1:]:
        node = merge(node, each)
    return with_entry(stack, key, node, stack.keys.get(key, node.span))


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _require_one_shape(key: str, layers: list[Node]) -> None:
    """A word where keys and values belong would wipe out what it was to be merged with."""
    wrong = [each for each in layers if not isinstance(each, Mapping)]
    if key in _SCALARS or not wrong:
        return
    raise Rejected(
        Diagnostic(code="bad-value", message="expected keys and values", span=each.span)
        for each in wrong
    )


def _word(text: str, near: Node) -> Scalar:
    return Scalar(span=near.span, value=text)
