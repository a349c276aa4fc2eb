"""What every lowering needs to know besides its own component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from compiler.lower.deep_norm import DeepNorm
from compiler.lower.initialization import Initials
from compiler.ops.expression import Expression, Number
from compiler.ops.op import UNIT
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The width of the residual stream, the initialisation, and where each setting was written.

    `deep_norm` is of the stack that is being lowered.
    """

    d_model: Number
    initials: Initials
    origin: Callable[[str], Span]
    deep_norm: DeepNorm | None = None

    def gains(self, *outputs: str) -> tuple[Expression, ...]:
        """Factors on how the outputs of a linear map start, of whatever distribution."""
        if self.deep_norm is None or {"query", "key"}.issuperset(outputs):
            return ()
        beta = self.deep_norm.beta
        return tuple(UNIT if each in ("query", "key") else beta for each in outputs)


T = TypeVar("T")


def given(value: T | None) -> T:
    """A setting that `complete` has filled in."""
    assert value is not None
    return value
