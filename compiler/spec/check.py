"""Settings that are each right but do not go together."""

from collections.abc import Callable, Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.spec.documents_checks import DOCUMENT_CHECKS
from compiler.spec.feed_forward_checks import FEED_FORWARD_CHECKS
from compiler.spec.latent_checks import LATENT_CHECKS
from compiler.spec.mask_checks import MASK_CHECKS
from compiler.spec.mixer import MIXERS
from compiler.spec.model_checks import MODEL_CHECKS
from compiler.spec.mup_checks import MUP_CHECKS
from compiler.spec.paths import at, groups, self_attentions
from compiler.spec.position_checks import POSITION_CHECKS
from compiler.spec.recipe_checks import RECIPE_CHECKS
from compiler.spec.spec import Spec
from compiler.spec.tokenizer_checks import TOKENIZER_CHECKS

Check = Callable[[Spec, Node], Iterator[Diagnostic]]


def settings_of_sub_layers(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Demand that each sub-layer which a block names is set somewhere."""
    for path, group in groups(spec):
        for name in dict.fromkeys(group.sub_layers):
            if getattr(group, name) is None:
                example = MIXERS[name].EXAMPLE if name in MIXERS else "{d_ff: 2048}"
                yield mistake(
                    at(root, *path, "block"),
                    "missing-sub-layer",
                    f"a layer has `{name}`, which is set nowhere",
                    f"write `{name}: {example}` below `model`, or leave it out of `block`",
                )


def conflicts_of_mixers(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Ask each mixer which of its settings do not go together."""
    for path, group in groups(spec):
        width = spec.model.width(str(path[1]))
        for name, mixer in group.mixers.items():
            for conflict in mixer.conflicts(width, causal="decoder" in path):
                place = at(root, *path, name, conflict.key)
                yield mistake(place, conflict.code, conflict.message, conflict.help)


def kernel_of_attention(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse a kernel of self-attention where no layer has any."""
    if spec.model.kernel != "auto" and not any(self_attentions(spec)):
        yield mistake(
            at(root, "model", "kernel"),
            "unused-key",
            "`kernel` has no effect here: no layer has `self_attention`",
            "remove it",
        )


CHECKS: tuple[Check, ...] = (
    *MODEL_CHECKS,
    *(settings_of_sub_layers, conflicts_of_mixers, kernel_of_attention),
    *FEED_FORWARD_CHECKS,
    *DOCUMENT_CHECKS,
    *POSITION_CHECKS,
    *MASK_CHECKS,
    *LATENT_CHECKS,
    *MUP_CHECKS,
    *RECIPE_CHECKS,
    *TOKENIZER_CHECKS,
)


def check(spec: Spec, root: Node) -> list[Diagnostic]:
    """Return all that is wrong with the meaning of a spec, with places in its tree."""
    return [diagnostic for each in CHECKS for diagnostic in each(spec, root)]
