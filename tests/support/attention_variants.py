"""Variants of attention in random specs: values that go together with the rest of a spec."""

from typing import Any

from tests.support.mixers import kind_of, sub_layers

Tree = dict[str, Any]

KNOBS: dict[str, tuple[Any, ...]] = {
    "sinks": (None, None, True),
    "temperature": (
        *(None, None, None),
        {"kind": "position", "length": 3, "scale": 0.5},
        {"kind": "position", "length": 2, "offset": 1},
        {"kind": "logarithm", "length": 4},
    ),
    "differential": (None, None, True),
    "value_embedding": (None, None, True),
    "output_gate": (None, None, "element", "head"),
}
"""Settings of `attention` with the values that each is drawn from."""


OF_SELF_ATTENTION = ("temperature", "value_embedding")


def repair_variants(model: Tree) -> None:
    """Take away what has no effect, or is refused, in the places that take it."""
    stacks = {name: model[name] for name in ("encoder", "decoder") if name in model}
    heirs = [stack for stack in stacks.values() if "attention" not in stack]
    for holder, takers in (
        (model, heirs),
        *((stack, [stack]) for stack in stacks.values()),
    ):
        attention = holder.get("attention", {})
        if not any(_is_turned(model, stack) for stack in takers):
            _without_place(attention)
        if not any(map(_reads_itself, takers)):
            for key in OF_SELF_ATTENTION:
                attention.pop(key, None)
    if _has_maps(model):
        for stack in stacks.values():
            _with_maps(stack)
    for stack in stacks.values():
        for group in stack["layers"] if isinstance(stack["layers"], list) else ():
            _without_other_values(group.get("self_attention", {}))
    if crossing := stacks.get("decoder", {}).get("cross_attention"):
        _without_place(crossing)
        for key in OF_SELF_ATTENTION:
            crossing.pop(key, None)


def _has_maps(part: Any) -> bool:
    """Whether some attention has two maps in each head."""
    if isinstance(part, dict):
        return part.get("differential", False) or any(map(_has_maps, part.values()))
    return False


def _with_maps(stack: Tree) -> None:
    """Without masks for groups of heads, and without layers that take turns."""
    for place in ("self_attention", "cross_attention"):
        if isinstance(mask := stack.get(place, {}).get("mask"), list):
            stack[place]["mask"] = mask[-1]["mask"]
    for group in stack["layers"] if isinstance(stack["layers"], list) else ():
        group.pop("distinct", None)


def _without_other_values(attention: Tree) -> None:
    """Without a table for values of another width than those of other layers."""
    if attention.keys() & {"heads", "kv_heads", "d_v"}:
        attention["value_embedding"] = False


def _without_place(attention: Tree) -> None:
    if "query_key_norm" in attention:
        attention["query_key_norm"].pop("place", None)


def _is_turned(model: Tree, stack: Tree) -> bool:
    """Whether rotary positions turn the queries of a stack's first layers."""
    position = stack.get("position") or model["embedding"].get("position")
    return kind_of(position) == "rotary" and _reads_itself(stack)


def _reads_itself(stack: Tree) -> bool:
    """Whether a stack's first layers have self-attention."""
    first = stack["layers"][0] if isinstance(stack["layers"], list) else {}
    block = {"block": stack["block"]} if "block" in stack else {}
    return "self_attention" in sub_layers({"layers": [first], **block})
