"""What one model costs against another, part by part: numbers trained, operations, memory."""

from dataclasses import dataclass
from typing import Literal

from compiler.diff.document import Section
from compiler.pipeline import CompiledPackage

Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A number of both sides; `percent` of that before, None where that is nothing."""

    before: int
    after: int
    delta: int
    percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostChange:
    """One part of the network, or `total`: all layers of it together.

    `only` is the side that has it, if the other has not. `flops_per_token` and `activation_bytes`
    (what the backward pass keeps, in float32) are of a source and a target token each;
    `cache_bytes` is what decoding keeps of one hypothesis at the end of a sentence, and `cache`
    says in words how that grows, before and after.
    """

    part: str
    only: Side | None
    parameters: Change
    flops_per_token: Change
    activation_bytes: Change
    cache_bytes: Change
    cache: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDifference:
    """Of all parts in sentences of `length` tokens on both sides, and of the whole."""

    length: int
    parts: tuple[CostChange, ...]
    total: CostChange

    @property
    def is_equal(self) -> bool:
        """Whether no number of any part differs."""
        raise NotImplementedError


def cost_difference(a: CompiledPackage, b: CompiledPackage, length: int = 32) -> CostDifference:
    """What `b` costs against `a`."""
    raise NotImplementedError


def cost_section(difference: CostDifference) -> Section:
    """The parts that differ, and the totals."""
    raise NotImplementedError
