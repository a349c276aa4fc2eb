"""Two complete specs, setting beside setting, and the layers of their stacks side by side."""

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeGuard

from pydantic import BaseModel

from compiler.source.node import Mapping, Node, Path, Scalar, Sequence, to_python, with_entry
from compiler.source.write import flow
from compiler.spec.inherit import written_at
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.shorthand import named_today
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, SUB_LAYERS, TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Layers `first` to `last`, counted from 1, that are of one kind in each stack.

    `kinds` are the numbers of the two. Where a stack has ended, its last kind stands for what it
    does not have.
    """

    first: int
    last: int
    kinds: tuple[int, int]

    @property
    def name(self) -> str:
        if self.first == self.last:
            return f"layer {self.first}"
        return f"layers {self.first}-{self.last}"

    def length(self, layers: int) -> int:
        """Return how many of so many layers lie in the range."""
        return max(0, min(self.last, layers) - self.first + 1)


def count(groups: Items[LayerGroup]) -> int:
    """Return the number of layers."""
    return sum(group.repeat for group in groups)


def ranges(before: Items[LayerGroup], after: Items[LayerGroup]) -> list[Range]:
    """The ranges in their order."""
    layers = max(count(before), count(after))
    kinds = zip(*(_kind_of_each(each, layers) for each in (before, after)), strict=True)
    found, first = [], 1
    for both, same in groupby(kinds):
        last = first + len(list(same)) - 1
        found.append(Range(first=first, last=last, kinds=both))
        first = last + 1
    return found


def _kind_of_each(groups: Items[LayerGroup], layers: int) -> list[int]:
    """The number of the kind of each layer."""
    numbers = [number for number, group in enumerate(groups) for _ in range(group.repeat)]
    return numbers + [len(groups) - 1] * (layers - len(numbers))


def divided(layers: Sequence, kinds: Items[tuple[int, int]]) -> Sequence:
    """The list of a spec's tree with an item for each (number of the kind, layers)."""
    return Sequence(
        span=layers.span,
        items=tuple(_repeated(layers.items[number], repeat) for number, repeat in kinds),
    )


def joined(layers: Sequence) -> Sequence:
    """The list with one item where neighbours differ in nothing but their number."""
    there = [item for item in layers.items if _repeat(item) > 0]
    items = [list(same) for _, same in groupby(there, _settings)]
    whole = [_repeated(same[0], sum(map(_repeat, same))) for same in items]
    return Sequence(span=layers.span, items=tuple(whole))


def _repeat(item: Node) -> int:
    node = item.get("repeat") if isinstance(item, Mapping) else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else 1


def _settings(item: Node) -> object:
    """All but the number."""
    settings = to_python(item)
    assert isinstance(settings, dict)
    return {key: value for key, value in settings.items() if key != "repeat"}


def _repeated(item: Node, repeat: int) -> Mapping:
    assert isinstance(item, Mapping)
    span = item.entries["repeat"].span if "repeat" in item.entries else item.span
    return with_entry(
        item, "repeat", Scalar(span=span, value=repeat), item.keys.get("repeat", span)
    )


TITLE = ("spec_version", "name", "summary")
"""Keys that say nothing of the model."""

Place = tuple[str, ...]
"""Where in the network: `("encoder", "layers 1-5", "self_attention")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A section of one spec, with its path in the tree; None where the spec has none."""

    section: BaseModel | None
    path: Path

    def below(self, *steps: str | int) -> "Holder":
        """The section at some steps from here."""
        found: object = self.section
        for step in steps:
            if isinstance(found, list) and isinstance(step, int):
                found = found[step]
            else:
                found = getattr(found, str(step), None)
        section = found if isinstance(found, BaseModel) else None
        return Holder(section=section, path=(*self.path, *steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A setting in both specs. A section is a value, too, where the other spec has none like it.

    `taken` are the paths that a spec takes from the other to have its value.
    """

    key: str
    place: Place
    before: object
    after: object
    holders: tuple[Holder, Holder]
    field: str
    taken: tuple[Path, ...]

    @property
    def has_default(self) -> bool:
        """Tell whether the value, where none is written, depends on other settings."""
        sections = [holder.section for holder in self.holders if holder.section]
        fields = (type(section).model_fields[self.field] for section in sections)
        return any(field.default is None for field in fields)

    @property
    def paths(self) -> tuple[Path, Path]:
        """The paths of the setting in the trees of both specs."""
        before, after = self.holders
        return (*before.path, self.field), (*after.path, self.field)


def pairs(before: Spec, after: Spec) -> Iterator[Pair]:
    """All settings, equal ones too, in the order of the language."""
    without = [TASKS[spec.task].without_meaning for spec in (before, after)]
    holders = Holder(section=before, path=()), Holder(section=after, path=())
    for pair in _below(holders, ()):
        place = pair.paths[0]
        gone = [any(place[: len(each)] == each for each in paths) for paths in without]
        if place[0] not in TITLE and not all(gone):
            yield replace(
                pair,
                before=None if gone[0] else pair.before,
                after=None if gone[1] else pair.after,
            )


def _below(holders: tuple[Holder, Holder], place: Place, *skipped: str) -> Iterator[Pair]:
    """The settings of two sections of one class."""
    assert holders[0].section is not None
    for key in type(holders[0].section).model_fields:
        values = [getattr(holder.section, key) for holder in holders]
        below = holders[0].below(key), holders[1].below(key)
        if key in skipped:
            continue
        if is_two_stacks(values):
            yield from _stacks(below, (key,))
            continue
        inside = (*place, key) if key in SUB_LAYERS else place
        if isinstance(values[0], BaseModel) and type(values[0]) is type(values[1]):
            yield from _below(below, inside)
        else:
            yield _pair(holders, inside, key)


def is_two_stacks(values: list[object]) -> TypeGuard[list[Stack]]:
    return all(isinstance(each, Stack) for each in values)


def _pair(holders: tuple[Holder, Holder], place: Place, field: str) -> Pair:
    before, after = (getattr(holder.section, field) for holder in holders)
    paths = dict.fromkeys((*holder.path, field) for holder in holders)
    return Pair(
        key=general_key((*holders[0].path, field)),
        place=place,
        before=before,
        after=after,
        holders=holders,
        field=field,
        taken=tuple(paths),
    )


def general_key(path: Path) -> str:
    """The key without the stack and the layer, and with one word for all attentions."""
    steps = [str(each) for each in path if isinstance(each, str)]
    if steps[0] == "model" and len(steps) > 1:
        steps = steps[2:] if steps[1] in EVERY_STACK and len(steps) > 2 else steps[1:]
        steps = steps[1:] if steps[0] == "layers" and len(steps) > 1 else steps
        steps = ["attention" if each in ATTENTIONS else each for each in steps]
    return ".".join(steps)


def _stacks(holders: tuple[Holder, Holder], place: Place) -> Iterator[Pair]:
    near = [_joint_position(holder) for holder in holders]
    skipped = ("position",) if all(near) else ()
    if near[0] and near[1]:
        yield _position(holders, (near[0], near[1]), place)
    yield from _below(holders, place, "layers", *skipped)
    yield from _layers(holders, place, skipped)


def _joint_position(holder: Holder) -> Holder | None:
    """The section with the one position that a whole stack has, be it added or seen by attention.

    None where layers differ, or have one of their own beside the stack's.
    """
    stack = holder.section
    assert isinstance(stack, Stack)
    near = [group.position for group in stack.layers]
    if any(each != near[0] for each in near):
        return None
    if near[0].kind == "none":
        return holder
    return holder.below("layers", 0) if stack.position.kind == "none" else None


def _position(holders: tuple[Holder, Holder], near: tuple[Holder, Holder], place: Place) -> Pair:
    taken = [
        (*holder.path, *steps, "position")
        for holder in holders
        for steps in [(), *(("layers", number) for number in range(len(_kinds(holder))))]
    ]
    return replace(_pair(near, place, "position"), taken=tuple(dict.fromkeys(taken)))


def _layers(
    holders: tuple[Holder, Holder], place: Place, skipped: tuple[str, ...]
) -> Iterator[Pair]:
    """The number of layers, then layer beside layer, in ranges that are of one kind in both."""
    layers = [_kinds(holder) for holder in holders]
    path = (*holders[0].path, "layers")
    found = ranges(*layers)
    yield replace(
        _pair(holders, place, "layers"),
        before=count(layers[0]),
        after=count(layers[1]),
        taken=tuple((*path, number, "repeat") for number in range(len(found))),
    )
    for number, each in enumerate(found):
        below = [holders[side].below("layers", each.kinds[side]) for side in (0, 1)]
        inside = place if len(found) == 1 else (*place, each.name)
        for pair in _group((below[0], below[1]), inside, skipped):
            own = [(*path, number, *taken[len(path) + 1 :]) for taken in pair.taken]
            yield replace(pair, taken=tuple(dict.fromkeys(own)))


def _group(
    holders: tuple[Holder, Holder], place: Place, skipped: tuple[str, ...]
) -> Iterator[Pair]:
    """Return the settings of two kinds of layers.

    A block and the sub-layers that come or go are taken together.
    """
    found = list(_below(holders, place, "repeat", *skipped))
    of_block = [pair for pair in found if pair.field == "block" or _comes_or_goes(pair)]
    together = tuple(pair.taken[0] for pair in of_block)
    for pair in found:
        yield replace(pair, taken=together) if pair in of_block else pair


def _comes_or_goes(pair: Pair) -> bool:
    return pair.field in SUB_LAYERS and (pair.before is None) != (pair.after is None)


def _kinds(holder: Holder) -> list[LayerGroup]:
    assert isinstance(holder.section, Stack)
    return holder.section.layers


def values_of(spec: Spec) -> dict[str, str]:
    """Return all settings of a spec by general key; different values of layers are joined."""
    found: dict[str, dict[str, None]] = {}
    for pair in pairs(spec, spec):
        for keys, text in _texts((pair.key,), pair.after):
            found.setdefault(".".join(keys), {})[text] = None
    return {key: ", ".join(texts) for key, texts in found.items()}


def values_at(spec: Spec, keys: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the different values that each dotted key comes to after inheritance; none for null.

    `model.attention.d_k` is that of each attention, `model.norm` the kind of a section, and
    `model.encoder.layers` the number of the encoder's layers.
    """
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for pair in pairs(spec, spec):
        path = tuple(step for step in pair.paths[1] if isinstance(step, str))
        for each, text in _texts(path, pair.after):
            for place in written_at(each):
                found.setdefault(place, {})[text] = None
    paths = (named_today(key.split(".")) for key in keys)
    return [tuple(found.get((*path, "kind"), found.get(path, ()))) for path in paths]


def differences(before: Spec, after: Spec) -> dict[str, tuple[str, str]]:
    """Return the settings that differ by general key, with both values in words."""
    found: dict[str, tuple[str, str]] = {}
    for pair in pairs(before, after):
        one, other = (dict(_texts((pair.key,), value)) for value in (pair.before, pair.after))
        for keys in one | other:
            if one.get(keys) != other.get(keys):
                texts = one.get(keys, "not set"), other.get(keys, "not set")
                found.setdefault(".".join(keys), texts)
    return found


def _texts(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return the texts of a value, those of a section each under its own key; none of null."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts((*path, name), getattr(value, name))
    elif value is not None:
        yield path, flow(plain(value))


def plain(value: object) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value
