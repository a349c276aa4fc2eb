"""Labels that tell apart things of one name: `target_mask_a` and `target_mask_b`."""

from collections.abc import Hashable, Iterable


def letters(number: int) -> str:
    """Return a, b ... z, aa, ab ... for 0, 1 ... 25, 26, 27 ..."""
    more, last = divmod(number, 26)
    return (letters(more - 1) if more else "") + chr(ord("a") + last)


def labels(values: Iterable[Hashable | None]) -> dict[Hashable, str]:
    """Return a label for each distinct value other than None; a value that is alone needs none."""
    distinct = [each for each in dict.fromkeys(values) if each is not None]
    if len(distinct) == 1:
        return {distinct[0]: ""}
    return {each: letters(number) for number, each in enumerate(distinct)}


def labelled(name: str, label: str) -> str:
    """Return the name with a label: `cache_b`; without one, the name itself."""
    return f"{name}_{label}" if label else name
