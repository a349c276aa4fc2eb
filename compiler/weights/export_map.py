"""Texts of import maps: the map that a transfer needs, and a template to fill in."""

from collections.abc import Iterable, Iterator, Mapping

from compiler.weights.assignment import parts
from compiler.weights.names import bindings, filled, general, starred
from compiler.weights.parameters import NamedParameter
from compiler.weights.shape import Shape, Stored, words
from compiler.weights.transfer import Move, Region, Transfer

Named = tuple[str, Shape]


def export_map(
    transfer: Transfer, old: Iterable[NamedParameter], new: Iterable[NamedParameter]
) -> str:
    """A map that fills all of the new network, where nothing of it is missing."""
    rows = {each.name: each.shape[0] for each in old}
    names = [each.name for each in new]
    lines = ["tensors:"]
    for group in _grouped(transfer.moves):
        lines += [f"  {_quoted(left)}: {right}" for left, right in _lines(group, names, rows)]
    read = {each.source.tensor for each in transfer.moves}
    unread = [starred(name) for name in rows if name not in read]
    unread += [
        f"{each.tensor}[{each.start}:{each.stop}]" for each in transfer.left if each.tensor in read
    ]
    if unread:
        lines += ["ignore:", *(f"  - {name}" for name in dict.fromkeys(unread))]
    return "".join(f"{line}\n" for line in lines)


def _grouped(moves: Iterable[Move]) -> Iterator[list[Move]]:
    """Yield the moves of the same tensor, or slice, of all layers together."""
    groups: dict[str, list[Move]] = {}
    for move in moves:
        groups.setdefault(general(move.target.tensor) + f"[{move.target.slice}]", []).append(move)
    yield from groups.values()


def _lines(group: list[Move], names: list[str], rows: dict[str, int]) -> Iterator[tuple[str, str]]:
    """One with placeholders, if all that it would stand for is in the group and is so."""
    first = group[0]
    pattern, right = general(first.target.tensor), general(_expression(first.source, rows))
    meant = dict(bindings(pattern, names))
    if len(group) > 1 and meant.keys() == {each.target.tensor for each in group}:
        texts = {each.target.tensor: _expression(each.source, rows) for each in group}
        for form in (right, texts[first.target.tensor]):
            if all(filled(form, meant[name]) == text for name, text in texts.items()):
                yield _with_slice(pattern, first.target), form
                return
    for move in group:
        yield move.target.name, _expression(move.source, rows)


def _with_slice(pattern: str, region: Region) -> str:
    return f"{pattern}[{region.slice}]" if region.slice else pattern


def _expression(region: Region, rows: dict[str, int]) -> str:
    """A tensor, or some rows of it."""
    if region.shape[0] == rows[region.tensor]:
        return region.tensor
    return f"{region.tensor}[{region.start}:{region.stop}]"


def _quoted(name: str) -> str:
    """To YAML a brace at the beginning would begin a mapping."""
    return f'"{name}"' if name.startswith("{") else name


def map_template(parameters: Iterable[NamedParameter], files: Mapping[str, Stored]) -> str:
    """The text of a map without right sides; the names of the files' tensors are comments."""
    ours = _aligned([part for each in parameters for part in parts(each)], ":")
    theirs = _aligned([(name, stored.shape) for name, stored in files.items()], "")
    head = ["# the tensors of the files"] if theirs else []
    lines = ["tensors:", *(f"  {line}" for line in ours), *head, *(f"# {line}" for line in theirs)]
    return "".join(f"{line}\n" for line in lines)


def _aligned(tensors: Iterable[Named], end: str) -> list[str]:
    """`NAME:   # 512 rows of 512, 6 times`: a line for equal tensors of all layers."""
    lines = list(_grouped_parts(tensors))
    width = max((len(name) for name, _ in lines), default=0) + len(end)
    return [f"{name + end:<{width}}  # {meaning}" for name, meaning in lines]


def _grouped_parts(tensors: Iterable[Named]) -> Iterator[tuple[str, str]]:
    groups: dict[str, list[Named]] = {}
    for name, shape in tensors:
        groups.setdefault(general(name), []).append((name, shape))
    for pattern, members in groups.items():
        if len({shape for _, shape in members}) > 1:
            yield from ((name, words(shape)) for name, shape in members)
        else:
            times = f", {len(members)} times" if len(members) > 1 else ""
            yield pattern, f"{words(members[0][1])}{times}"
