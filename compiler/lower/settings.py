"""What every lowering needs to know besides its own component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from compiler.lower.deep_norm import DeepNorm
from compiler.lower.initialization import Initials
from compiler.ops.expression import Expression, Number
from compiler.ops.op import UNIT, times
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The width of the residual stream, the initialisation, and where each setting was written.

    `deep_norm` and `residual_gain`, which is for what is added to the residual stream, are of the
    stack that is being lowered.
    """

    d_model: Number
    initials: Initials
    origin: Callable[[str], Span]
    deep_norm: DeepNorm | None = None
    residual_gain: Expression = UNIT

    def gains(self, *outputs: str) -> tuple[Expression, ...]:
        """Factors on how the outputs of a linear map start, of whatever distribution."""
        gains = tuple(self._gain(each) for each in outputs)
        return () if set(gains) == {UNIT} else gains

    def _gain(self, output: str) -> Expression:
        beta = UNIT if self.deep_norm is None or output in ("query", "key") else self.deep_norm.beta
        return times(beta, self.residual_gain) if output == "output" else beta


T = TypeVar("T")


def given(value: T | None) -> T:
    """A setting that `complete` has filled in."""
    assert value is not None
    return value
