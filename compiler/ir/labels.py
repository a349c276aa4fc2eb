"""Labels that tell apart things of one name: `target_mask_a` and `target_mask_b`."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def letters(number: int) -> str:
    """Return a, b ... z, aa, ab ... for 0, 1 ... 25, 26, 27 ..."""
    more, last = divmod(number, 26)
    return (letters(more - 1) if more else "") + chr(ord("a") + last)


def labels(values: Iterable[T | None], word: Callable[[T], str] | None = None) -> dict[T, str]:
    """Return a label for each distinct value other than None; a value that is alone needs none.

    The label is the `word` for the value if these words tell all values apart, otherwise a letter.
    """
    distinct = [each for each in dict.fromkeys(values) if each is not None]
    if len(distinct) == 1:
        return {distinct[0]: ""}
    words = [word(each) for each in distinct] if word else []
    if len(set(words)) < len(distinct):
        words = [letters(number) for number in range(len(distinct))]
    return dict(zip(distinct, words, strict=True))


def labelled(name: str, label: str) -> str:
    """Return the name with a label: `cache_b`; without one, the name itself."""
    return f"{name}_{label}" if label else name
