"""Weights of one network that fit into another: tensors and slices, by name and shape.

Slices go by what they are, so that they may move between fused and separate tensors; layers that
take turns go by where they are used, so that they may become several; and a table that several
places share stands for each of theirs.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from compiler.ir.block import Block, Repeat
from compiler.weights.parameters import NamedParameter, named_parameters, parameters_of
from compiler.weights.shape import Shape

TABLES = {
    "embedding": ("target_embedding", "source_embedding"),
    "source_embedding": ("embedding",),
    "target_embedding": ("embedding",),
    "projection": ("target_embedding", "embedding"),
}
"""Tables that may stand for one that a network has not, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Some rows of a tensor, or all of it, which then has no `slice`."""

    tensor: str
    slice: str = ""
    start: int
    shape: Shape

    @property
    def name(self) -> str:
        """`layers.0.query_key_value.weight[query]`."""
        return f"{self.tensor}[{self.slice}]" if self.slice else self.tensor

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.start + self.shape[0]

    @property
    def numbers(self) -> int:
        """The number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A region of the new network that gets a region of the old one, of the same shape."""

    target: Region
    source: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The moves of tensors, those of the new network without any, and unused ones of the old.

    `is_same`: both have the same names, shapes and slices.
    """

    moves: tuple[Move, ...]
    new: tuple[Region, ...]
    left: tuple[Region, ...]
    is_same: bool

    @property
    def taken(self) -> int:
        """The number of parameters of the new network that come from the old one."""
        return sum(each.target.numbers for each in self.moves)

    @property
    def parameters(self) -> int:
        """The number of parameters of the new network."""
        return self.taken + sum(each.numbers for each in self.new)


def transfer(old: Block, new: Block) -> Transfer:
    """Return the weights of `old` that fit into `new`."""
    have, want = list(named_parameters(old)), list(named_parameters(new))
    is_same = _by_name(have) == _by_name(want)
    given = {each.name: each for each in have} if is_same else dict(_used(old))
    places = {each.name: each.name for each in want} if is_same else _first_uses(new)
    regions = _by_meaning(given)
    moves = [
        Move(target=target, source=source)
        for each in want
        for target, source in _pairs(each, places[each.name], given, regions)
        if source
    ]
    return Transfer(
        moves=tuple(moves),
        new=tuple(_without(want, {each.target.name for each in moves})),
        left=tuple(_without(have, {each.source.name for each in moves})),
        is_same=is_same,
    )


def _by_name(parameters: list[NamedParameter]) -> dict[str, tuple[Shape, object]]:
    return {each.name: (each.shape, each.slices) for each in parameters}


def _pairs(
    parameter: NamedParameter,
    place: str,
    given: dict[str, NamedParameter],
    regions: dict[str, Region],
) -> Iterator[tuple[Region, Region | None]]:
    """The regions of a parameter, each with what it gets: all of it in one if that is possible."""
    same = given.get(place)
    if same and (same.shape, same.slices) == (parameter.shape, parameter.slices):
        yield _whole(parameter), _whole(same)
        return
    for region in _regions(parameter):
        found = (regions.get(each) for each in _alternatives(_meaning(place, region.slice)))
        yield region, next((each for each in found if each and each.shape == region.shape), None)


def _without(parameters: list[NamedParameter], named: set[str]) -> Iterator[Region]:
    """The regions that are not among those named; all of a parameter if no slice of it is."""
    for parameter in parameters:
        regions = list(_regions(parameter))
        others = [each for each in regions if each.name not in named]
        if parameter.name not in named:
            yield from others if len(others) < len(regions) else [_whole(parameter)]


def _whole(parameter: NamedParameter) -> Region:
    return Region(tensor=parameter.name, start=0, shape=parameter.shape)


def _regions(parameter: NamedParameter) -> Iterator[Region]:
    """Yield the slices of a fused parameter, or the whole parameter if it has none."""
    if not parameter.slices:
        yield _whole(parameter)
    start = 0
    for name, rows in parameter.slices:
        shape = (rows, *parameter.shape[1:])
        yield Region(tensor=parameter.name, slice=name, start=start, shape=shape)
        start += rows


def _by_meaning(given: dict[str, NamedParameter]) -> dict[str, Region]:
    """All regions of a network by what they are, wherever they are kept."""
    return {
        _meaning(place, region.slice): region
        for place, parameter in given.items()
        for region in _regions(parameter)
    }


def _meaning(place: str, slice: str) -> str:
    """The name that a region would have in a tensor of its own."""
    if not slice:
        return place
    *holder, _, kind = place.split(".")
    return ".".join((*holder, slice, kind))


def _alternatives(meaning: str) -> Iterator[str]:
    """The region itself; or that of a table that stands for its own."""
    yield meaning
    table, _, rest = meaning.partition(".")
    if table in TABLES:
        yield from (f"{each}.{rest}" for each in TABLES[table])


def _first_uses(block: Block) -> dict[str, str]:
    """For each parameter the place where it is first used."""
    found: dict[str, str] = {}
    for place, parameter in _used(block):
        found.setdefault(parameter.name, place)
    return found


def _used(block: Block, held: str = "", used: str = "") -> Iterator[tuple[str, NamedParameter]]:
    """Each parameter under each of its places: layers are counted as often as they are used."""
    counted = Counter[str]()
    for name, part in block.parts:
        if isinstance(part, Repeat):
            holder = part.holder or name
            for number, place in enumerate(part.uses, counted[holder]):
                own = f"{held}{holder}.{place}."
                yield from _used(part.block, own, f"{used}{holder}.{number}.")
            counted[holder] += int(part.count.value)
        elif isinstance(part, Block):
            yield from _used(part, f"{held}{name}.", f"{used}{name}.")
        else:
            for parameter in parameters_of(name, part, held):
                yield f"{used}{parameter.name.removeprefix(held)}", parameter
