"""The context of every lowering besides the settings of its own component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from compiler.ir.verify import CompilerBug
from compiler.lower.deep_norm import DeepNorm
from compiler.lower.initialization import Initials
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.parameter import UNIT, times
from compiler.source.span import Span
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The stack that is being lowered, and where each setting was written.

    `widths` holds the width of the residual stream of each stack. The other fields belong to this
    stack: `rows` is the size of its vocabulary, `table` is the attribute of the model that embeds
    its tokens, `residual_gain` scales what its sub-layers add to the residual stream. Layers are
    numbered from 1 on where each has a form of its own (`layer_number`). With `apart` documents of
    one text do not see each other.
    """

    stack: str
    table: str
    rows: Hyperparameter
    widths: dict[str, Hyperparameter]
    initials: Initials
    origin: Callable[[str], Span]
    deep_norm: DeepNorm | None = None
    residual_gain: Expression = UNIT
    prefers_flex: bool = False
    apart: bool = False
    layer_number: int = 1

    @property
    def d_model(self) -> Hyperparameter:
        """The width of the stack's residual stream."""
        return self.widths[self.stack]

    @property
    def has_two_widths(self) -> bool:
        """True if the stacks differ in the width of their residual streams."""
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


def checked(origin: Callable[[str], Span], spec: Spec) -> Callable[[str], Span]:
    """Return `origin`, which raises `CompilerBug` for a path that no setting of the spec has.

    A path that is wrong would otherwise point at the line of a section above it.
    """

    def of_setting(path: str) -> Span:
        found: Any = spec
        for step in path.split("."):
            below = found[int(step)] if step.isdecimal() else getattr(found, step, found)
            if below is found:
                raise CompilerBug(f"compiler bug, please report: no setting has the path {path}")
            found = below
        return origin(path)

    return of_setting
