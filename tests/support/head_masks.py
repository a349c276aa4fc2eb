"""Masks for groups of heads in random specs."""

from collections.abc import Callable
from typing import Any

from compiler.spec.position import BiasPosition, kinds_of
from tests.support.mixers import kind_of, sub_layers

Tree = dict[str, Any]
Choose = Callable[[str], Any]

RATHER_NOT = (None, None)
KNOBS: dict[str, tuple[Any, ...]] = {
    "encoder_head_mask": (*RATHER_NOT, "window(1)", "block(2)", "last(2) | window(0)"),
    "decoder_head_mask": (*RATHER_NOT, "causal & window(1)", "causal & dilated(2)", "causal"),
    "cross_head_mask": (*RATHER_NOT, "first(2)", "causal | window(1)"),
}
"""The mask of the first heads; the others have that of the place."""

PLACES = (
    ("encoder", "self_attention", "encoder_head_mask", "all"),
    ("decoder", "self_attention", "decoder_head_mask", "causal"),
    ("decoder", "cross_attention", "cross_head_mask", "all"),
)


def place_head_masks(choose: Choose, model: Tree) -> None:
    """Draws a mask for the first heads of each place, where others are left to have another."""
    for stack, place, knob, usual in PLACES:
        mask, below = choose(knob), model.get(stack, {}).get(place, {})
        if mask is not None and _can_differ(model, stack, place):
            heads, first = _heads(model, stack, place)
            rest = {"heads": heads - first, "mask": below.get("mask", usual)}
            model[stack][place] = below | {"mask": [{"heads": first, "mask": mask}, rest]}


def _can_differ(model: Tree, stack: str, place: str) -> bool:
    """Whether there is such an attention, of several heads that each have their own keys."""
    if stack not in model or (place == "cross_attention" and "encoder" not in model):
        return False
    heads, first = _heads(model, stack, place)
    return heads > first and (place == "cross_attention" or _is_free(model, model[stack], heads))


def _is_free(model: Tree, stack: Tree, heads: int) -> bool:
    """Whether self-attention adds nothing to scores, and all layers have as many heads."""
    kinds = stack["layers"] if isinstance(stack["layers"], list) else []
    own = [each.get("position") for each in (stack, *kinds)]
    positions = [each or model["embedding"].get("position") for each in own]
    biased = any(kind_of(each) in kinds_of(BiasPosition) for each in positions)
    numbers = {each.get("self_attention", {}).get("heads", heads) for each in kinds}
    is_attended = "self_attention" in sub_layers(stack) and model["kernel"] == "auto"
    return is_attended and not biased and numbers <= {heads}


def _heads(model: Tree, stack: str, place: str) -> tuple[int, int]:
    """All heads of an attention, and the fewest that have keys for themselves."""
    parts = (model, model[stack])
    settings = [*(each.get("attention", {}) for each in parts), model[stack].get(place, {})]
    whole = {key: value for each in settings for key, value in each.items()}
    return whole["heads"], whole["heads"] // whole.get("kv_heads", whole["heads"])
