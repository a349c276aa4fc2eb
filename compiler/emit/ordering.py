"""The usual order of names in generated code."""

from collections.abc import Iterable


def ordered(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """In the usual order; names that have no place there come last, by the alphabet."""
    places = {name: place for place, name in enumerate(usual)}
    return sorted(names, key=lambda name: (places.get(name, len(usual)), name))
