"""Names for many tensors at once: `layers.{n}.output.{kind}`.

A placeholder stands for what is between two dots: the number of a layer, `weight` or `bias`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle

Binding = Mapping[str, str]

LETTERS = "nmkijl"
PLACEHOLDER = re.compile(r"\{([a-z]+)([+-][0-9]{1,6})?\}")
_NUMBER = re.compile(r"(?<![^.])[0-9]+(?![^.])")


class BadPlaceholder(Exception):
    """A placeholder that stands for nothing, or for a word where a number is needed."""


def bindings(pattern: str, names: Iterable[str]) -> Iterator[tuple[str, Binding]]:
    """The names that a pattern stands for, each with what its placeholders stand for."""
    matches = re.compile(_regular_expression(pattern))
    for name in names:
        if found := matches.fullmatch(name):
            yield name, found.groupdict()


def filled(pattern: str, binding: Binding) -> str:
    """A name without placeholders; `{n+1}` is the number after `{n}`. Raises BadPlaceholder."""
    return PLACEHOLDER.sub(lambda found: _meaning(found[1], found[2], binding), pattern)


def _meaning(placeholder: str, more: str | None, binding: Binding) -> str:
    if placeholder not in binding:
        raise BadPlaceholder(f"`{{{placeholder}}}` is not on the left")
    meaning = binding[placeholder]
    if more is None:
        return meaning
    if not (meaning.isascii() and meaning.isdecimal()):
        raise BadPlaceholder(f"`{{{placeholder}{more}}}` needs a number, and it is `{meaning}`")
    return str(int(meaning) + int(more))


def general(name: str) -> str:
    """A name with placeholders for its numbers: those between two dots, and at either end."""
    letters = cycle(LETTERS)
    return _NUMBER.sub(lambda _: f"{{{next(letters)}}}", name)


def starred(name: str) -> str:
    """A name with `*` for its numbers."""
    return _NUMBER.sub("*", name)


def _regular_expression(pattern: str) -> str:
    """A placeholder that occurs twice stands for the same in both places."""
    text = re.escape(pattern)
    for found in dict.fromkeys(PLACEHOLDER.findall(pattern)):
        written = re.escape(f"{{{found[0]}}}")
        text = text.replace(written, f"(?P<{found[0]}>[^.]+)", 1)
        text = text.replace(written, f"(?P={found[0]})")
    return text
