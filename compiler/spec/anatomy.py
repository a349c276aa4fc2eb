"""What a task is made of: stacks, the sub-layers of their layers, its settings, its scores."""

from compiler.spec.mixer import MIXERS

STACKS: dict[str, tuple[str, ...]] = {
    "translation": ("encoder", "decoder"),
    "language_model": ("decoder",),
    "masked_language_model": ("encoder",),
    "classification": ("encoder",),
}
EVERY_STACK = ("encoder", "decoder")


def reads_a_source(task: str) -> bool:
    """Whether its decoder has an encoder to read."""
    return STACKS.get(task) == EVERY_STACK


METRICS: dict[str, tuple[str, ...]] = {
    "translation": ("bleu", "chrf"),
    "language_model": ("perplexity", "accuracy"),
    "masked_language_model": ("perplexity", "accuracy"),
    "classification": ("accuracy", "macro_f1"),
}
"""The scores of a trained model, the usual headline first."""

SETTINGS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("decoding",): ("translation", "language_model"),
    ("decoding", "sampling"): ("language_model",),
    ("decoding", "prefix"): ("translation",),
    ("evaluation", "tokenize"): ("translation",),
    ("evaluation", "lowercase"): ("translation",),
    ("training", "masking"): ("masked_language_model",),
    ("training", "validation", "bleu"): ("translation",),
}
"""Settings that mean something to some tasks alone."""
ATTENTIONS = ("self_attention", "cross_attention")
SUB_LAYERS = (*ATTENTIONS, *MIXERS, "feed_forward")


def usual_block(task: str, stack: str) -> tuple[str, ...]:
    """The sub-layers of a layer (section 3.1): a decoder reads a source where there is one."""
    if reads_a_source(task) and stack == "decoder":
        return (*ATTENTIONS, "feed_forward")
    return ("self_attention", "feed_forward")


def usual_mask(stack: str, sub_layer: str) -> str:
    """What an attention may read unless its settings say otherwise."""
    return "causal" if (stack, sub_layer) == ("decoder", "self_attention") else "all"


def settings_without_meaning(task: str) -> tuple[tuple[str, ...], ...]:
    """The paths of settings that a task has no use for."""
    return tuple(path for path, tasks in SETTINGS.items() if task not in tasks)
