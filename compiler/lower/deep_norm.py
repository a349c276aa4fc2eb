"""DeepNorm's two factors (Wang et al. 2022, "DeepNet: Scaling Transformers to 1,000 Layers")."""

from dataclasses import dataclass

from compiler.ops.expression import (
    Binary,
    Const,
    Expression,
    Formula,
    Hyperparameter,
    evaluate,
    product,
)
from compiler.spec.model import Model


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
    return DeepNorm(alpha=_number("alpha", alpha), beta=_number("beta", beta))


def _number(name: str, formula: Expression) -> Hyperparameter:
    return Hyperparameter(name, evaluate(formula), Formula(formula, "Wang et al. 2022"))


def factors(stack: str, encoder: int, decoder: int) -> tuple[Expression, Expression]:
    """alpha and beta for these numbers of layers, 0 for a stack that there is not (figure 2)."""
    n, m = Hyperparameter("encoder_layers", encoder), Hyperparameter("decoder_layers", decoder)
    if not encoder or not decoder:
        depth = n if encoder else m
        return _power(depth, 2, 0.25), _power(depth, 8, -0.25)
    if stack == "decoder":
        return _power(m, 3, 0.25), _power(m, 12, -0.25)
    both = product(Binary(n, "**", Const(4)), m)
    alpha, beta = (Binary(both, "**", Binary(Const(each), "/", Const(16))) for each in (1, -1))
    return product(Const(0.81), alpha), product(Const(0.87), beta)


def _power(depth: Expression, factor: int, exponent: float) -> Expression:
    return Binary(product(Const(factor), depth), "**", Const(exponent))


def _depth(model: Model, stack: str) -> int:
    settings = getattr(model, stack)
    return sum(group.repeat for group in settings.layers) if settings else 0
