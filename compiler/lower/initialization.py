"""`initialization:` to the distributions that parameters start from."""

from dataclasses import dataclass
from typing import assert_never

from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, call, product
from compiler.ops.parameter import UNIT, Initial, by_width
from compiler.spec.initialization import (
    FairseqInitialization,
    Initialization,
    MupInitialization,
    NormalInitialization,
    ScaledInitialization,
    XavierInitialization,
)
from compiler.spec.model import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Initials:
    """The distributions of a model's matrices, by their use."""

    query_key_value: Initial
    matrix: Initial
    embedding: Initial


def lower_initialization(settings: Initialization, d_model: Hyperparameter) -> Initials:
    """The distributions that a kind of initialisation means."""
    match settings:
        case XavierInitialization(gain=gain):
            scale = Const(1.0) if gain == 1.0 else Hyperparameter("gain", gain)
            xavier = Initial(kind="xavier", scale=scale)
            return Initials(query_key_value=xavier, matrix=xavier, embedding=by_width(d_model))
        case FairseqInitialization():
            halved = Initial(kind="xavier", scale=Binary(Const(2), "**", Const(-0.5)))
            plain = Initial(kind="xavier")
            return Initials(query_key_value=halved, matrix=plain, embedding=by_width(d_model))
        case NormalInitialization(std=std) | ScaledInitialization(std=std):
            normal = Initial(kind="normal", scale=Hyperparameter("init_std", std))
            return Initials(query_key_value=normal, matrix=normal, embedding=normal)
        case MupInitialization(std=std, base_width=base):
            deviation = Hyperparameter("init_std", std)
            narrowing = Binary(width_ratio(base, d_model), "**", Const(0.5))
            hidden = Initial(kind="normal", scale=product(deviation, narrowing))
            table = Initial(kind="normal", scale=deviation)
            return Initials(query_key_value=hidden, matrix=hidden, embedding=table)
        case _:
            assert_never(settings)


def width_ratio(base_width: int, d_model: Hyperparameter) -> Expression:
    """Return the width of the network that a rate was found for, as a share of that of this one."""
    return Binary(Hyperparameter("base_width", base_width), "/", d_model)


def residual_gain(settings: Initialization, stack: Stack) -> Expression:
    """A factor on how the weights start whose results are added to a stack's residual stream."""
    if not isinstance(settings, ScaledInitialization):
        return UNIT
    added = sum(group.repeat * len([*group.sub_layers]) for group in stack.layers)
    return Binary(Const(1), "/", call("math.sqrt", Hyperparameter("residual_additions", added)))
