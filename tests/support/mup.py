"""Random specs with the maximal update parametrisation: what goes with it."""

from typing import Any

from compiler.spec.mixer import MIXERS
from compiler.spec.optimizer import OPTIMIZERS
from tests.support.mixers import kind_of, sub_layers

Tree = dict[str, Any]
ATTENTIONS = ("attention", "self_attention", "cross_attention")


def suit_mup(model: Tree, task: str, recipe: Tree) -> None:
    """Give it to networks and recipes that it is for, and Xavier's distributions to others."""
    if kind_of(model["initialization"]) != "mup":
        return
    stacks = [model[name] for name in ("encoder", "decoder") if name in model]
    is_mixed = any(each in sub_layers(stack) for stack in stacks for each in MIXERS)
    is_pooled = task in ("classification", "embedding")
    is_adam_like = OPTIMIZERS[recipe["optimizer"]["kind"]].IS_ADAM_LIKE
    if is_mixed or is_pooled or not is_adam_like or any("d_model" in each for each in stacks):
        model["initialization"] = "xavier"
        return
    model["kernel"] = "auto"
    model["embedding"]["scale"] = "none"
    model["embedding"].pop("width", None)
    for key in ("scale", "bias"):
        model.get("output", {}).pop(key, None)
    _without_factors(model)


def _without_factors(part: Any) -> None:
    """Without factors on scores and connections of streams that have no rule."""
    for key, below in list(part.items()):
        if not isinstance(below, dict):
            for each in below if isinstance(below, list) else ():
                if isinstance(each, dict):
                    _without_factors(each)
            continue
        if key in ATTENTIONS:
            below.pop("scale", None)
            below.pop("differential", None)
        if key == "residual":
            below["dynamic"] = False
        _without_factors(below)
