"""The usual order of names in generated code."""

from collections.abc import Iterable


def ordered(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """In the usual order; names that have no place there come last, by the alphabet."""
    places = {name: place for place, name in enumerate(usual)}
    return sorted(names, key=lambda name: (places.get(name, len(usual)), name))


def as_imported(names: Iterable[str]) -> list[str]:
    """Each name once, in the order that linters want: constants, classes, functions."""
    return sorted(set(names), key=lambda name: (not name.isupper(), name.islower(), name))
