"""Variants of attention in random specs: values that go together with the rest of a spec."""

from typing import Any

from tests.support.mixers import kind_of, sub_layers

Tree = dict[str, Any]

KNOBS: dict[str, tuple[Any, ...]] = {
    "sinks": (None, None, True),
    "output_gate": (None, None, "element", "head"),
}
"""Settings of `attention` with the values that each is drawn from."""


def repair_variants(model: Tree) -> None:
    """Take away what has no effect, or is refused, in the places that take it."""
    stacks = {name: model[name] for name in ("encoder", "decoder") if name in model}
    heirs = [stack for stack in stacks.values() if "attention" not in stack]
    for holder, takers in (
        (model, heirs),
        *((stack, [stack]) for stack in stacks.values()),
    ):
        if not any(_is_turned(model, stack) for stack in takers):
            _without_place(holder.get("attention"))
    _without_place(stacks.get("decoder", {}).get("cross_attention"))


def _without_place(attention: Tree | None) -> None:
    if attention and "query_key_norm" in attention:
        attention["query_key_norm"].pop("place", None)


def _is_turned(model: Tree, stack: Tree) -> bool:
    """Whether rotary positions turn the queries of a stack's first layers."""
    position = stack.get("position") or model["embedding"].get("position")
    first = stack["layers"][0] if isinstance(stack["layers"], list) else {}
    names = sub_layers({"layers": [first], **({"block": b} if (b := stack.get("block")) else {})})
    return kind_of(position) == "rotary" and "self_attention" in names
