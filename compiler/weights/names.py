"""Names for many tensors at once: patterns, `layers.{n}.output.{kind}`, and ranges of numbers,
`layers.{0..5}.output.{weight,bias}`.

A placeholder of a pattern stands for what is between two dots: the number of a layer, `weight` or
`bias`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle

Binding = Mapping[str, str]

LETTERS = "nmkijl"
PLACEHOLDER = re.compile(r"\{([a-z]+)([+-][0-9]{1,6})?\}")
_INNER_NUMBER = re.compile(r"\.([0-9]+)(?=\.)")
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


def name_ranges(names: Iterable[str]) -> tuple[str, ...]:
    """The names with ranges for the numbers of equal ones, in the order of the first of each."""
    found = dict.fromkeys(names)
    for place in reversed(
        range(max((len(_INNER_NUMBER.findall(each)) for each in found), default=0))
    ):
        found = _with_ranges(found, place)
    return tuple(_with_kinds(found))


def _with_ranges(names: Iterable[str], place: int) -> dict[str, None]:
    """The numbers in one place of names that differ in nothing else become ranges."""
    groups: dict[tuple[str, str], list[int]] = {}
    for name in names:
        numbers = list(_INNER_NUMBER.finditer(name))
        if place >= len(numbers):
            groups[name, ""] = []
            continue
        start, stop = numbers[place].span(1)
        groups.setdefault((name[:start], name[stop:]), []).append(int(numbers[place][1]))
    return dict.fromkeys(
        f"{before}{numbers}{after}"
        for (before, after), members in groups.items()
        for numbers in (_ranges(members) or [""])
    )


def _ranges(numbers: list[int]) -> list[str]:
    """`{0..5}` for numbers that follow each other, and single ones as they are."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [f"{{{run[0]}..{run[-1]}}}" if len(run) > 1 else str(run[0]) for run in runs]


def _with_kinds(names: Iterable[str]) -> Iterator[str]:
    """`{weight,bias}` where a part has both."""
    groups: dict[str, list[str]] = {}
    for name in names:
        holder, _, kind = name.rpartition(".")
        groups.setdefault(holder, []).append(kind)
    for holder, kinds in groups.items():
        last = kinds[0] if len(kinds) == 1 else f"{{{','.join(kinds)}}}"
        yield f"{holder}.{last}" if holder else last
