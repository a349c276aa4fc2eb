"""DeepNorm's two factors (Wang et al. 2022, "DeepNet: Scaling Transformers to 1,000 Layers")."""

from dataclasses import dataclass

from compiler.ops.expression import Hyperparameter
from compiler.spec.model import Model

DIGITS = 6
"""Decimals of the factors: the paper gives its constants with two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepNorm:
    """`alpha` weighs the residual stream against each sub-layer.

    `beta` is a factor on how the weights of the feed-forward network and of the projections of
    values and of outputs start.
    """

    alpha: Hyperparameter
    beta: Hyperparameter


def lower_deep_norm(model: Model, stack: str) -> DeepNorm | None:
    """The factors of a stack, if its norms are of this kind."""
    if getattr(model, stack).norm.place != "deep":
        return None
    alpha, beta = factors(stack, _depth(model, "encoder"), _depth(model, "decoder"))
    return DeepNorm(
        alpha=Hyperparameter("alpha", round(alpha, DIGITS)),
        beta=Hyperparameter("beta", round(beta, DIGITS)),
    )


def factors(stack: str, encoder: int, decoder: int) -> tuple[float, float]:
    """alpha and beta for these numbers of layers, 0 for a stack that there is not (figure 2)."""
    if not encoder or not decoder:
        depth = encoder or decoder
        return (2 * depth) ** 0.25, (8 * depth) ** -0.25
    if stack == "encoder":
        both = encoder**4 * decoder
        return 0.81 * both ** (1 / 16), 0.87 * both ** (-1 / 16)
    return (3 * decoder) ** 0.25, (12 * decoder) ** -0.25


def _depth(model: Model, stack: str) -> int:
    settings = getattr(model, stack)
    return sum(group.repeat for group in settings.layers) if settings else 0
