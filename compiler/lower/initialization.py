"""`initialization:` to the distributions that parameters start from."""

from dataclasses import dataclass, replace
from typing import assert_never

from compiler.ops.expression import Binary, Literal, Number, call
from compiler.ops.op import Initial
from compiler.spec.model import (
    DecoderStack,
    EncoderStack,
    FairseqInitialization,
    Initialization,
    NormalInitialization,
    ScaledInitialization,
    XavierInitialization,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Initials:
    """The distributions of a model's matrices, by their use.

    The results of `residual` are added to the residual stream.
    """

    query_key_value: Initial
    matrix: Initial
    residual: Initial
    embedding: Initial


def lower_initialization(settings: Initialization, d_model: Number) -> Initials:
    """The distributions that a kind of initialisation means."""
    by_width = Initial(kind="normal", scale=Binary(d_model, "**", Literal(-0.5)))
    match settings:
        case XavierInitialization(gain=gain):
            scale = Literal(1.0) if gain == 1.0 else Number("gain", gain)
            return _alike(Initial(kind="xavier", scale=scale), embedding=by_width)
        case FairseqInitialization():
            halved = Initial(kind="xavier", scale=Binary(Literal(2), "**", Literal(-0.5)))
            plain = _alike(Initial(kind="xavier"), embedding=by_width)
            return replace(plain, query_key_value=halved)
        case NormalInitialization(deviation=deviation) | ScaledInitialization(deviation=deviation):
            normal = Initial(kind="normal", scale=Number("deviation", deviation))
            return _alike(normal, embedding=normal)
        case _:
            assert_never(settings)


def _alike(matrix: Initial, *, embedding: Initial) -> Initials:
    return Initials(query_key_value=matrix, matrix=matrix, residual=matrix, embedding=embedding)


def within(
    stack: EncoderStack | DecoderStack, initials: Initials, settings: Initialization
) -> Initials:
    """The distributions in a stack: how many results are added in it may matter."""
    if not isinstance(settings, ScaledInitialization):
        return initials
    in_a_layer = 3 if isinstance(stack, DecoderStack) else 2
    added = sum(in_a_layer * group.repeat for group in stack.layers)
    root = call("math.sqrt", Number("residual_additions", added))
    scale = Binary(initials.residual.scale, "/", root)
    return replace(initials, residual=Initial(kind="normal", scale=scale))
