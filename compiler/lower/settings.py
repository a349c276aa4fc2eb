"""What every lowering needs to know besides its own component."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from compiler.lower.initialization import Initials
from compiler.ops.expression import Number
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The width of the residual stream, the initialisation, and where each setting was written."""

    d_model: Number
    initials: Initials
    origin: Callable[[str], Span]


T = TypeVar("T")


def given(value: T | None) -> T:
    """A setting that `complete` has filled in."""
    assert value is not None
    return value
