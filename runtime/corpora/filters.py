"""Filters that leave pairs out of training text, and the counts of these pairs by reason."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b

from runtime.errors import UserError

Row = tuple[str, ...]

REASONS = {
    "empty": "empty",
    "too_long": "too long",
    "ratio": "of unlike length",
    "duplicate": "duplicate",
}
"""The reasons for which a pair is left out, in the order in which they are tried, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Bounds on the pairs of a corpus. Words are what stands between white space."""

    max_length: int | None = None
    """Words of a side."""
    max_ratio: float | None = None
    """Words of the longer side for one of the shorter."""
    drop_duplicates: bool = False
    """A pair is written once, wherever it stands."""
    everywhere: bool = False
    """Validation and test text is filtered as training text is."""

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(slots=True)
class Counts:
    """Pairs of a part: each that is read is left out for one reason, held out, or written."""

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    held_out: int = 0
    written: int = 0

    def said(self, unit: str = "pairs") -> str:
        """Return the counts in words: `5 pairs read, 1 empty, 4 written`."""
        left_out = [f"{self.dropped[key]:,} {REASONS[key]}" for key in REASONS if self.dropped[key]]
        held_out = [f"{self.held_out:,} held out"] if self.held_out else []
        written = f"{self.written:,} written"
        return ", ".join([f"{self.read:,} {unit} read", *left_out, *held_out, written])


class Sieve:
    """Tells for one pair after the other why it is left out, if it is."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._seen = HashSet() if filters.drop_duplicates else None

    def reason(self, row: Row) -> str | None:
        """Return the key of `REASONS` for which a pair is left out, or None if it is kept."""
        lengths = [len(side.split()) for side in row]
        if not all(lengths):
            return "empty"
        if self._filters.max_length and max(lengths) > self._filters.max_length:
            return "too_long"
        if self._filters.max_ratio and max(lengths) > self._filters.max_ratio * min(lengths):
            return "ratio"
        if self._seen is not None and not self._seen.add(_hash(row)):
            return "duplicate"
        return None


class HashSet:
    """A set of 64-bit hashes: at most 24 bytes a hash, and 36 while it grows.

    Two texts of n have one hash with a probability of n squared / 2**65: 0.00005 for 40 million.
    """

    def __init__(self) -> None:
        self._slots, self._count = array("Q", [0]) * 1024, 0

    def __len__(self) -> int:
        return self._count

    def add(self, value: int) -> bool:
        """Add a hash that is not 0; return whether it is new."""
        slots, mask = self._slots, len(self._slots) - 1
        place = value & mask
        while slots[place]:
            if slots[place] == value:
                return False
            place = (place + 1) & mask
        slots[place] = value
        self._count += 1
        if 3 * self._count > 2 * len(slots):
            self._grow()
        return True

    def _grow(self) -> None:
        old = self._slots
        self._slots, mask = array("Q", [0]) * (2 * len(old)), 2 * len(old) - 1
        slots = self._slots
        for value in old:
            if value:
                place = value & mask
                while slots[place]:
                    place = (place + 1) & mask
                slots[place] = value


def _hash(row: Row) -> int:
    digest = blake2b("\n".join(row).encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest) or 1


def refuse_filters(name: str, filters: Filters) -> None:
    """Refuse filters for running text, which has no pairs. Raises a UserError."""
    if filters:
        raise UserError(
            f"{name} is running text: it has no pairs to filter",
            help="leave --max-length, --max-ratio, --drop-duplicates and --filter-all out",
        )
