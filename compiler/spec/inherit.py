"""What layers inherit from `model:` and from their stack, carried out on the tree.

`model.attention` < `model.decoder.attention` < `model.decoder.self_attention` < the same in a group
of `model.decoder.layers`, and so for each setting: the more precise place wins.
"""

from collections.abc import Iterator
from functools import reduce

from compiler.source.node import (
    Mapping,
    Node,
    Path,
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
_MAPPINGS = ("attention", "norm", *(each for each in SUB_LAYERS if each not in ATTENTIONS))
_OF_LAYERS = ("block", "distinct", "dropout", "stochastic_depth")
_ALIKE = ("norm", *MIXERS)
"""Sections whose kinds have their settings in common: a stack with another kind of norm still has
the model's place of it."""
HANDED_DOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("model",): _MAPPINGS,
    ("model", "embedding"): ("position",),
    **{("model", stack): ("attention", *SUB_LAYERS, *_OF_LAYERS) for stack in EVERY_STACK},
    **{("model", stack, "layers"): ("attention", *SUB_LAYERS) for stack in EVERY_STACK},
}
"""The keys that may stand at a place for those below it to inherit."""


def inherit(root: Mapping) -> Mapping:
    """The tree of a spec with the settings of every place complete but for defaults."""
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
    return with_entry(root, "model", without_entries(model, *_MAPPINGS), root.keys["model"])


def task_of(root: Mapping) -> str:
    """What the model is for."""
    return str(word(root, "task", USUAL_TASK))


def handed_down(path: Path) -> set[str]:
    """The keys that may stand at `path` for the places below it to inherit."""
    if path == ():
        return {"extends"}
    return set(HANDED_DOWN.get(tuple(str(step) for step in path if isinstance(step, str)), ()))


def sub_layers_of(block: Node | None) -> Iterator[str]:
    """The names in a block, those that run in parallel, too."""
    if isinstance(block, Sequence):
        for item in block.items:
            yield from sub_layers_of(item)
    elif isinstance(block, Scalar) and block.value in SUB_LAYERS:
        yield str(block.value)


def _stack(model: Mapping, stack: Mapping, name: str, usual: tuple[str, ...]) -> Mapping:
    stack = _over(
        stack, "position", _child(model.get("embedding"), "position"), stack.get("position")
    )
    groups = _groups(stack.get("layers"))
    if isinstance(groups, Sequence):
        below = tuple(_group(model, stack, each, name, usual) for each in groups.items)
        layers = Sequence(span=groups.span, items=below)
        stack = with_entry(stack, "layers", layers, stack.keys["layers"])
    stack = _over(stack, "norm", model.get("norm"), stack.get("norm"))
    if _is_seen(stack.get("position")):
        stack = _by_default(stack, "position", _none(stack.span))
    return without_entries(stack, *HANDED_DOWN["model", name])


def _groups(layers: Node | None) -> Node | None:
    """A number of layers is one group of so many."""
    if not isinstance(layers, Scalar):
        return layers
    one = Mapping(span=layers.span, entries={"repeat": layers}, keys={"repeat": layers.span})
    return Sequence(span=layers.span, items=(one,))


def _group(model: Mapping, stack: Mapping, group: Node, name: str, usual: tuple[str, ...]) -> Node:
    if not isinstance(group, Mapping):
        return group
    whole = group
    for each in _OF_LAYERS:
        above = model.get(each) if each == "dropout" else None
        whole = _over(whole, each, above, stack.get(each), group.get(each))
    if "block" not in whole.entries:
        whole = _by_default(whole, "block", _listed(usual, group.span))
    names = tuple(sub_layers_of(whole.get("block")))
    if "self_attention" not in names:
        whole = without_entries(whole, "position") if _is_seen(whole.get("position")) else whole
    elif _is_seen(position := stack.get("position")):
        whole = _over(whole, "position", position, group.get("position"))
    for each in names:
        whole = _over(whole, each, *_above(model, stack, group, each))
        if each in ATTENTIONS:
            whole = _with_mask(whole, each, usual_mask(name, each))
    return without_entries(whole, "attention", *(each for each in SUB_LAYERS if each not in names))


def _above(model: Mapping, stack: Mapping, group: Mapping, sub_layer: str) -> Iterator[Node | None]:
    """The places that a sub-layer's settings come from, its own last."""
    if sub_layer in ATTENTIONS:
        yield from (model.get("attention"), stack.get("attention"), stack.get(sub_layer))
        yield group.get("attention")
    else:
        yield from (model.get(sub_layer), stack.get(sub_layer))
    yield group.get(sub_layer)


def _with_mask(group: Mapping, sub_layer: str, mask: str) -> Mapping:
    """With the mask that a place has by default."""
    node = group.get(sub_layer) or Mapping(span=group.span, entries={}, keys={})
    if not isinstance(node, Mapping) or "mask" in node.entries:
        return group
    node = _by_default(node, "mask", Scalar(span=group.span, value=mask))
    return with_entry(group, sub_layer, node, group.keys.get(sub_layer, node.span))


def _is_seen(position: Node | None) -> bool:
    return isinstance(position, Mapping) and word(position, "kind") in _SEEN_BY_ATTENTION


def _none(span: Span) -> Mapping:
    """No position."""
    return Mapping(span=span, entries={"kind": Scalar(span=span, value="none")}, keys={})


def _listed(words: tuple[str, ...], span: Span) -> Sequence:
    return Sequence(span=span, items=tuple(Scalar(span=span, value=each) for each in words))


def _child(mapping: Node | None, key: str) -> Node | None:
    return mapping.get(key) if isinstance(mapping, Mapping) else None


def _by_default(mapping: Mapping, key: str, node: Node) -> Mapping:
    """With a value under no key of the author's."""
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
    """As `merge`, but another kind takes the place of the kind alone."""
    if isinstance(base, Mapping) and isinstance(over, Mapping) and "kind" in over.entries:
        base = without_entries(base, "kind")
    return merge(base, over)


def _misplaced(key: str, layers: list[Node]) -> Node | None:
    """A word where keys and values belong: kept for validation to refuse, not to be merged over."""
    words = (each for each in layers if not isinstance(each, Mapping))
    return None if key in _OF_LAYERS else next(words, None)
