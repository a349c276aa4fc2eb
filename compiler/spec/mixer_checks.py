"""Recurrences and convolutions, and what depends on which of them a layer has."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.spec.paths import at, groups, self_attentions
from compiler.spec.spec import Spec


def settings_of_sub_layers(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """What a block names must be set somewhere."""
    for path, group in groups(spec):
        for name in dict.fromkeys(group.sub_layers):
            if getattr(group, name) is None:
                yield mistake(
                    at(root, *path, "block"),
                    "missing-sub-layer",
                    f"a layer has `{name}`, which is set nowhere",
                    f"write `{name}: {_example(name)}` below `model`, or leave it out of `block`",
                )


def _example(name: str) -> str:
    examples = {"recurrence": "{kind: lstm}", "convolution": "{kind: gated}"}
    return examples.get(name, "{d_ff: 2048}")


def even_width(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """What a position stands in the middle of is odd."""
    for path, group in groups(spec):
        convolution = group.convolution
        if convolution is None or convolution.width % 2:
            continue
        causal = "decoder" in path if convolution.causal is None else convolution.causal
        if not causal:
            width = convolution.width
            yield mistake(
                at(root, *path, "convolution", "width"),
                "even-width",
                f"no position stands in the middle of {width}",
                f"write `width: {width + 1}`, or `causal: true`: then it reads {width - 1} before "
                "its own",
            )


def kernel_of_attention(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A kernel is of self-attention."""
    if spec.model.kernel != "auto" and not any(self_attentions(spec)):
        yield mistake(
            at(root, "model", "kernel"),
            "moot-key",
            "`kernel` has no effect here: no layer has `self_attention`",
            "remove it",
        )


MIXER_CHECKS = (settings_of_sub_layers, even_width, kernel_of_attention)
