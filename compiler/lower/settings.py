"""What every lowering needs to know besides its own component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from compiler.lower.deep_norm import DeepNorm
from compiler.lower.initialization import Initials
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.op import UNIT, times
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The stack that is being lowered, and where each setting was written.

    `widths` holds the width of the residual stream of each stack. The other fields belong to this
    stack: `table` is the attribute of the model that embeds its tokens, `residual_gain` scales
    what its sub-layers add to the residual stream.
    """

    stack: str
    table: str
    widths: dict[str, Hyperparameter]
    initials: Initials
    origin: Callable[[str], Span]
    deep_norm: DeepNorm | None = None
    residual_gain: Expression = UNIT
    prefers_flex: bool = False

    @property
    def d_model(self) -> Hyperparameter:
        """The width of the stack's residual stream."""
        return self.widths[self.stack]

    @property
    def has_two_widths(self) -> bool:
        """Whether the stacks differ in the width of their residual streams."""
        return len(set(self.widths.values())) > 1

    def gains(self, *outputs: str) -> tuple[Expression, ...]:
        """Factors on how the outputs of a linear map start, of whatever distribution."""
        gains = tuple(self._gain(each) for each in outputs)
        return () if set(gains) == {UNIT} else gains

    def _gain(self, output: str) -> Expression:
        beta = UNIT if self.deep_norm is None or output in ("query", "key") else self.deep_norm.beta
        return times(beta, self.residual_gain) if output == "output" else beta


T = TypeVar("T")


def required(value: T | None) -> T:
    """A setting that `complete` has filled in."""
    assert value is not None
    return value
