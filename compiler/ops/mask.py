"""Which positions a query may read."""

from dataclasses import dataclass

from compiler.ops.op import EVERYWHERE, PAST, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A predicate over (query position i, key position j); `reach` bounds j - i."""

    text: str
    reach: Interval

    @property
    def causal(self) -> bool:
        """Whether no position reads a later one."""
        return self.reach.high <= 0


ALL = Mask(text="all", reach=EVERYWHERE)
CAUSAL = Mask(text="causal", reach=PAST)
MASKS = {mask.text: mask for mask in (ALL, CAUSAL)}
