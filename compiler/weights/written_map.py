"""The text of the import map that a transfer needs: one line for the tensors of all layers."""

from collections.abc import Iterable, Iterator

from compiler.weights.names import Binding, bindings, filled, general, starred
from compiler.weights.parameters import NamedParameter
from compiler.weights.transfer import Move, Region, Transfer


def map_text(
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
    """Those of the same tensor, or slice, of all layers."""
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
            if all(_says(form, meant[name], text) for name, text in texts.items()):
                yield _with_slice(pattern, first.target), form
                return
    for move in group:
        yield move.target.name, _expression(move.source, rows)


def _says(form: str, binding: Binding, text: str) -> bool:
    """Whether a right side means this text for these placeholders."""
    return filled(form, binding) == text


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
