"""The numbers of tokens in a vocabulary that another program has numbered.

Our first numbers are symbols (PADDING, UNKNOWN, BEGIN, END, and MASK where a task has it), whatever
theirs are. A token therefore has another number here than there, and a parameter with a row for
each token has its rows in another order.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from compiler.vocabulary.symbols import UNKNOWN

_NONE = "none"
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Rows:
    """The number that the other program gives to each of our tokens."""

    theirs: tuple[int | None, ...]
    """Their number for each of ours; None for a symbol that their vocabulary lacks."""
    symbols: int = 4
    """Our numbers below this one are symbols, which no text can contain."""
    _ours: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ours: dict[int, int] = {}
        for number, their in enumerate(self.theirs):
            if their is not None:  # where one of theirs is several of our symbols, the first counts
                ours.setdefault(their, number)
        object.__setattr__(self, "_ours", ours)

    @classmethod
    def renumbered(cls, symbols: Sequence[int | None], size: int) -> "Rows":
        """Return the rows of a vocabulary with `size` tokens: symbols first, then all others.

        `symbols` are their numbers of our symbols; one number may serve several of them.
        """
        taken = set(symbols)
        others = (number for number in range(size) if number not in taken)
        return cls((*symbols, *others), len(symbols))

    @classmethod
    def parse(cls, text: str, symbols: int) -> "Rows":
        """Return what `str` has written. Raises a ValueError for other text."""
        return cls(tuple(_parsed(text)), symbols)

    def __str__(self) -> str:
        """Return their numbers in our order, with ranges: `0 100-103 1-99 none 104-30521`."""
        return " ".join(_written(self.theirs))

    def __len__(self) -> int:
        """Return the number of our rows."""
        return len(self.theirs)

    @property
    def is_identity(self) -> bool:
        """Return whether every token has the same number here and there."""
        return self.theirs == tuple(range(len(self.theirs)))

    def encoded(self, numbers: Iterable[int]) -> list[int]:
        """Return our numbers of the tokens of a text.

        A text contains no symbol, so that their number of one is UNKNOWN here; so is a number
        beyond the rows.
        """
        ours, symbols = self._ours, self.symbols
        found = (ours.get(number, UNKNOWN) for number in numbers)
        return [number if number >= symbols else UNKNOWN for number in found]

    def number(self, their: int | None) -> int:
        """Return our number of one of their tokens, symbols included; UNKNOWN for any other."""
        return UNKNOWN if their is None else self._ours.get(their, UNKNOWN)


def _written(numbers: Sequence[int | None]) -> Iterator[str]:
    """Yield numbers, or ranges where each is the successor of the one before."""
    start = 0
    while start < len(numbers):
        first, stop = numbers[start], start + 1
        if first is None:
            yield _NONE
        else:
            while stop < len(numbers) and numbers[stop] == first + stop - start:
                stop += 1
            yield f"{first}-{first + stop - start - 1}" if stop > start + 1 else f"{first}"
        start = stop


def _parsed(text: str) -> Iterator[int | None]:
    for word in text.split():
        found = _RANGE.fullmatch(word)
        if word == _NONE:
            yield None
        elif found is None:
            raise ValueError(f"expected a number, a range or `{_NONE}`, got {word!r}")
        else:
            first, last = int(found[1]), int(found[2] or found[1])
            yield from range(first, last + 1)
