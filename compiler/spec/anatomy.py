"""What a model of each task is made of: its stacks, and the sub-layers of their layers."""

STACKS: dict[str, tuple[str, ...]] = {
    "translation": ("encoder", "decoder"),
    "language_model": ("decoder",),
    "masked_language_model": ("encoder",),
    "classification": ("encoder",),
}
EVERY_STACK = ("encoder", "decoder")
ATTENTIONS = ("self_attention", "cross_attention")
SUB_LAYERS = (*ATTENTIONS, "recurrence", "convolution", "feed_forward")


def usual_block(task: str, stack: str) -> tuple[str, ...]:
    """The sub-layers of a layer (section 3.1): a decoder reads a source where there is one."""
    if STACKS.get(task) == EVERY_STACK and stack == "decoder":
        return (*ATTENTIONS, "feed_forward")
    return ("self_attention", "feed_forward")


def usual_mask(stack: str, sub_layer: str) -> str:
    """What an attention may read unless its settings say otherwise."""
    return "causal" if (stack, sub_layer) == ("decoder", "self_attention") else "all"
