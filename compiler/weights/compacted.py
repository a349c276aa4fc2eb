"""Long lists of names, shortly: `decoder.layers.{0..5}.feed_forward.hidden.{weight,bias}`."""

import re
from collections.abc import Iterable, Iterator

_NUMBER = re.compile(r"\.([0-9]+)(?=\.)")


def compacted(names: Iterable[str]) -> tuple[str, ...]:
    """The names with ranges for the numbers of equal ones, in the order of the first of each."""
    found = dict.fromkeys(names)
    for place in reversed(range(max((len(_NUMBER.findall(each)) for each in found), default=0))):
        found = _with_ranges(found, place)
    return tuple(_with_kinds(found))


def _with_ranges(names: Iterable[str], place: int) -> dict[str, None]:
    """The numbers in one place of names that differ in nothing else become ranges."""
    groups: dict[tuple[str, str], list[int]] = {}
    for name in names:
        numbers = list(_NUMBER.finditer(name))
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
