"""The map of a family as one model needs it: without what it lacks, with the names of its files."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from compiler.source.node import to_python
from compiler.source.span import Source
from compiler.vocabulary.rows import Rows
from compiler.weights.assignment import tensors
from compiler.weights.map import ImportMap, map_in
from compiler.weights.names import bindings
from compiler.weights.parameters import NamedParameter
from compiler.weights.rows import PER_CLASS, PER_TOKEN, TABLES, biases, in_our_order

Right = str | int | float | list[Any]
BIAS = "output_bias"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a map: parameters, a slice of them if one is named, and what they get."""

    pattern: str
    slice: str | None
    right: Right

    @property
    def left(self) -> str:
        return f"{self.pattern}[{self.slice}]" if self.slice else self.pattern

    def targets(self, parameters: Mapping[str, NamedParameter]) -> list[tuple[str, dict[str, str]]]:
        """Return the parameters that the line gives, with what placeholders stand for."""
        return [
            (name, dict(binding))
            for name, binding in bindings(self.pattern, parameters)
            if self.slice is None or self.slice in dict(parameters[name].slices)
        ]


def lines_of(map: ImportMap, more: Mapping[str, str], prefix: str) -> list[Line]:
    """Return the lines of a family, those that only some of its models need first.

    `prefix` is what the names of the files' tensors lack.
    """
    extra = map_in(Source(name="lines", text=_text(more, ()))) if more else None
    entries = [*(extra.entries if extra else ()), *map.entries]
    return [
        Line(pattern=e.pattern, slice=e.slice, right=_without(to_python(e.value), prefix))
        for e in entries
    ]


def of_heads(maps: Iterable[ImportMap], heads: tuple[str, ...]) -> list[str]:
    """Return patterns of the tensors that lines read whose parameters begin with these names.

    Lines that compute something of several tensors are left out.
    """
    lines = [each for map in maps for each in lines_of(map, {}, "")]
    found = (str(each.right) for each in lines if each.pattern.startswith(heads))
    names = (each for each in found if re.fullmatch(r"[\w.{}]+", each))
    return [re.sub(r"\{\w+\}", "*", each) for each in names]


def absent(
    lines: Sequence[Line], parameters: Sequence[NamedParameter], files: Iterable[str]
) -> set[str]:
    """Return the parameters for which the files do not have what their line reads."""
    names, known = set(files), {each.name: each for each in parameters}
    given = {
        name
        for line in lines
        if _fits(line, targets := line.targets(known), names)
        for name, _ in targets
    }
    return known.keys() - given


def fitted(
    lines: Sequence[Line],
    ignored: Iterable[str],
    parameters: Sequence[NamedParameter],
    files: Iterable[str],
    rows: Rows,
    classes: Sequence[int],
) -> str:
    """Return the text of a map for these parameters and files, its rows in our order.

    `classes` is their number of each of our labels.
    """
    names = set(files)
    chosen = _chosen(lines, {each.name: each for each in parameters}, names)
    told = _with_rows(chosen, any(each.name == BIAS for each in parameters), rows, classes, names)
    read = set(_read(told, parameters))
    left = [each for each in ignored if any(fnmatchcase(name, each) for name in names - read)]
    return _text(told, left)


def _chosen(
    lines: Sequence[Line], parameters: Mapping[str, NamedParameter], names: set[str]
) -> list[Line]:
    """Return the lines that give something: of several for one parameter, one that files fit."""
    result: list[Line] = []
    given: dict[str, Line] = {}
    for line in lines:
        targets = line.targets(parameters)
        rivals = [given[key] for name, _ in targets if (key := _key(name, line, given)) in given]
        if not targets or (rivals and not _fits(line, targets, names)):
            continue
        result = [each for each in result if each not in rivals]
        result.append(line)
        given |= {f"{name}[{line.slice or ''}]": line for name, _ in targets}
    return result


def _key(name: str, line: Line, given: Mapping[str, Line]) -> str:
    """Return how an earlier line gives a parameter, or the slice of it that this line names."""
    whole = f"{name}[]"
    if line.slice:
        return whole if whole in given else f"{name}[{line.slice}]"
    return next((key for key in given if key.startswith(f"{name}[")), whole)


def _fits(line: Line, targets: list[tuple[str, dict[str, str]]], names: set[str]) -> bool:
    """Return whether the files have all that the line reads."""
    (entry,) = map_in(Source(name="line", text=_text({line.left: line.right}, ()))).entries
    return all(names.issuperset(tensors(entry.expression(binding))) for _, binding in targets)


def _with_rows(
    lines: Sequence[Line],
    has_bias: bool,
    rows: Rows,
    classes: Sequence[int],
    names: set[str],
) -> dict[str, Right]:
    """Return the lines as a mapping, those of tokens and labels in our order."""
    told: dict[str, Right] = {}
    given: str | None = None
    for line in lines:
        if line.pattern == BIAS:
            given = str(line.right) if _fits(line, [(BIAS, {})], names) else None
        elif line.pattern in PER_TOKEN and isinstance(line.right, str):
            told[line.left] = in_our_order(line.right, rows.theirs)
        elif line.pattern == PER_CLASS and isinstance(line.right, str):
            told[line.left] = in_our_order(line.right, classes)
        else:
            told[line.left] = line.right
    if has_bias:
        table = next(str(each.right) for each in lines if each.pattern in TABLES)
        told[BIAS] = biases(table, given, rows)
    return told


def _read(told: Mapping[str, Right], parameters: Sequence[NamedParameter]) -> Iterator[str]:
    """Yield the names of the tensors that the lines read."""
    for entry in map_in(Source(name="map", text=_text(told, ()))).entries:
        for _, binding in bindings(entry.pattern, [each.name for each in parameters]):
            yield from tensors(entry.expression(binding))


def _without(right: Any, prefix: str) -> Any:
    if not prefix or isinstance(right, int | float):
        return right
    if isinstance(right, list):
        return [_without(each, prefix) for each in right]
    return re.sub(rf"(?<![\w.]){re.escape(prefix)}", "", right)


def _text(told: Mapping[str, Right], ignored: Sequence[str]) -> str:
    lines = ["tensors:", *(f"  {_quoted(left)}: {_value(right)}" for left, right in told.items())]
    if ignored:
        lines += ["ignore:", *(f"  - {_quoted(each)}" for each in ignored)]
    return "".join(f"{line}\n" for line in lines)


def _value(right: Right) -> str:
    if isinstance(right, list):
        items = ", ".join(f'"{each}"' for each in right)
        return f"[{items}]"
    return _quoted(str(right)) if isinstance(right, str) else str(right)


def _quoted(name: str) -> str:
    """To YAML a brace or an asterisk at the beginning would mean something else."""
    return f'"{name}"' if name[0] in '{*["' else name
