"""Signed intervals of offsets, by which a position reads others."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The offsets `low <= j - i <= high` at which position i may read position j."""

    low: float
    high: float

    def __add__(self, other: "Interval") -> "Interval":
        """Return the offsets of reading by one and then, along the network, by the other."""
        return Interval(low=self.low + other.low, high=self.high + other.high)

    def __or__(self, other: "Interval") -> "Interval":
        """Return the hull: the offsets of reading by either."""
        return Interval(low=min(self.low, other.low), high=max(self.high, other.high))

    def __str__(self) -> str:
        return f"[{_bound(self.low)}, {_bound(self.high)}]"


def _bound(offset: float) -> str:
    return {inf: "inf", -inf: "-inf"}.get(offset) or f"{offset:.0f}"


HERE = Interval(low=0, high=0)
