"""Lowers `temperature:`: factors on the scores of self-attention."""

from compiler.ir.build import Body
from compiler.lower.documents import at_positions
from compiler.lower.masking import MaskPlan
from compiler.lower.settings import Context
from compiler.ops.expression import Hyperparameter
from compiler.ops.masking import Tokens
from compiler.ops.positions import OfPositions
from compiler.ops.shape import SOURCE
from compiler.ops.temperature import (
    LengthTemperature,
    LogarithmTemperature,
    PositionTemperature,
    Temper,
)
from compiler.spec.temperature import LogarithmTemperature as Logarithm
from compiler.spec.temperature import Temperature


def lower_temperature(
    body: Body, query: str, settings: Temperature | None, plan: MaskPlan, context: Context
) -> str:
    """Return the query, times its temperature if there is one."""
    if settings is None:
        return query
    stream = plan.queries
    tokens, name = body.apply(Tokens(stream=stream)), f"{stream.name}_temperature"
    if isinstance(settings, Logarithm) and stream == SOURCE:
        factor = body.apply(LengthTemperature(length=_length(settings)), tokens, name=name)
    else:
        op = _of_positions(settings)
        factor = at_positions(body, op, tokens, context, name=name, over_heads=True)
    return body.apply(Temper(), query, factor, name="query")


def _of_positions(settings: Temperature) -> OfPositions:
    if isinstance(settings, Logarithm):
        return LogarithmTemperature(length=_length(settings))
    offset = Hyperparameter("temperature_offset", settings.offset) if settings.offset else None
    scale = Hyperparameter("temperature_scale", settings.scale)
    return PositionTemperature(length=_length(settings), scale=scale, offset=offset)


def _length(settings: Temperature) -> Hyperparameter:
    return Hyperparameter("temperature_length", settings.length)
