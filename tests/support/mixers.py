"""Recurrences, convolutions and other mixers: instead of self-attention, or beside it."""

from collections.abc import Callable
from typing import Any

from compiler.spec.position import AttentionPosition, kinds_of

Tree = dict[str, Any]
Choose = Callable[[str], Any]

MATRICES = ("state_space", "delta_net")
KNOBS: dict[str, tuple[Any, ...]] = {
    "mixer": (
        *(None, None, None, None, None, "recurrence", "convolution", "short_convolution"),
        *("linear_attention", *MATRICES),
    ),
    "mixer_place": ("instead", "in the second kind", "before attention", "beside attention"),
    "recurrence": ("lstm", "gru"),
    "d_hidden": (None, 4, 5),
    "bidirectional": (False, True),
    "convolution": ("gated", "depthwise"),
    "convolution_width": (None, 2, 3, 5),
    "causal": (None, True),
    "mixer_bias": (None, True),
    "mixer_heads": (1, 2),
    "mixer_widths": (None, {"d_k": 3, "d_v": 5}),
    "decay": (None, "head", "number"),
    "rank": (None, 2),
    "mixer_groups": (None, 1),
    "d_head": (None, 3),
    "d_state": (2, 5),
    "mixer_width": (None, 2),
    "convolution_bias": (None, False),
    "mixer_norm": (None, False),
    "mixer_gate": (None, False),
    "mixer_kernel": (None, "fla"),
}


def place_mixers(choose: Choose, model: Tree) -> None:
    """Draws what each stack has besides self-attention, and drops what that leaves without use."""
    for name in ("encoder", "decoder"):
        if (stack := model.get(name)) and (mixer := choose("mixer")):
            if "joint" in stack.get("norm", {}):
                continue  # it is for the sub-layers that stand side by side in its own block
            stack[mixer] = _settings(choose, name, mixer)
            others = ["cross_attention"] if name == "decoder" and "encoder" in model else []
            _place(choose("mixer_place"), stack, mixer, [*others, "feed_forward"])
    _drop_unused(model)


def _settings(choose: Choose, stack: str, mixer: str) -> Tree:
    """Of a decoder, those that read no later position."""
    if mixer == "linear_attention":
        settings = _linear_attention(choose)
        settings |= _ways(choose, stack)
    elif mixer in MATRICES:
        settings = _state_space(choose) if mixer == "state_space" else _delta_net(choose)
        settings |= _ways(choose, stack)
    elif mixer == "recurrence":
        settings = {"kind": choose("recurrence"), "d_hidden": choose("d_hidden")}
        settings["bidirectional"] = stack == "encoder" and choose("bidirectional")
    else:
        width, causal = choose("convolution_width"), choose("causal")
        settings = {"width": width}
        settings["causal"] = True if width == 2 and stack == "encoder" else causal
        if mixer == "convolution":
            settings["kind"] = choose("convolution")
        else:
            settings["bias"] = choose("mixer_bias")
    settings = {key: value for key, value in settings.items() if value is not None}
    return settings or {"width": 3}


def _ways(choose: Choose, stack: str) -> Tree:
    """Return from which ends a scan reads, and by which kernel."""
    is_both = stack == "encoder" and choose("bidirectional")
    return {"bidirectional": is_both, "kernel": choose("mixer_kernel")}


def _state_space(choose: Choose) -> Tree:
    settings = {"heads": choose("mixer_heads"), "d_state": choose("d_state")}
    settings |= {"groups": choose("mixer_groups") or settings["heads"]}
    settings |= {"d_head": choose("d_head"), "width": choose("mixer_width")}
    return settings | {"bias": choose("mixer_bias"), "convolution_bias": choose("convolution_bias")}


def _delta_net(choose: Choose) -> Tree:
    settings = {"heads": choose("mixer_heads"), "key_heads": choose("mixer_groups")}
    return settings | (choose("mixer_widths") or {}) | {"width": choose("mixer_width")}


def _linear_attention(choose: Choose) -> Tree:
    settings = {"heads": choose("mixer_heads"), "decay": choose("decay")}
    settings |= choose("mixer_widths") or {}
    if settings["decay"] == "number":
        settings["rank"] = choose("rank")
    return settings | {"norm": choose("mixer_norm"), "gate": choose("mixer_gate")}


def _place(place: str, stack: Tree, mixer: str, others: list[str]) -> None:
    match place:
        case "before attention":
            stack["block"] = [mixer, "self_attention", *others]
        case "beside attention":
            stack["block"] = [["self_attention", mixer], *others]
        case "in the second kind" if isinstance(stack["layers"], list):
            stack["layers"][1]["block"] = [mixer, *others]
            _without_attention(stack["layers"][1])
        case _:
            stack["block"] = [mixer, *others]
            for layers in (stack, *(stack["layers"] if isinstance(stack["layers"], list) else ())):
                _without_attention(layers)


def _without_attention(layers: Tree) -> None:
    """Without what is for self-attention alone."""
    layers.pop("self_attention", None)
    if _is_near(layers.get("position")):
        del layers["position"]


def _drop_unused(model: Tree) -> None:
    """Without what is for the self-attention of stacks that have none."""
    stacks = [model[name] for name in ("encoder", "decoder") if name in model]
    having = [each for each in stacks if "self_attention" in sub_layers(each)]
    for stack in stacks:
        if stack not in having:
            stack.pop("attention", None)
            mask = stack.get("cross_attention", {}).get("mask")
            stack.pop("cross_attention", None)
            if mask is not None:
                stack["cross_attention"] = {"mask": mask}
    position = model["embedding"]["position"]
    if _is_near(position) and all("position" in each for each in having):
        model["embedding"]["position"] = "none"
    if not having:
        model["kernel"] = "auto"


def sub_layers(stack: Tree) -> str:
    """All names in the blocks of a stack; by default those of the paper that both stacks have."""
    groups = stack["layers"] if isinstance(stack["layers"], list) else [{}]
    usual = stack.get("block", ["self_attention", "feed_forward"])
    return str([group.get("block", usual) for group in groups])


def kind_of(position: Any) -> Any:
    """The kind of a position that is written as a word or as a mapping."""
    return position.get("kind") if isinstance(position, dict) else position


def _is_near(position: object) -> bool:
    return kind_of(position) in kinds_of(AttentionPosition)
