"""The difference in meaning: settings that have another value, each as its author wrote it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from pydantic import BaseModel

from compiler.diff.hybrid import Hybrids
from compiler.diff.settings import Holder, Pair, Place, pairs, plain
from compiler.emit.show import origin_of_default
from compiler.source.diagnostic import Rejected
from compiler.source.node import Path, find, to_python
from compiler.spec.load import Loaded
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, SUB_LAYERS

Group = Literal["architecture", "initialisation", "training", "data", "decoding", "evaluation"]
GROUPS: tuple[Group, ...] = get_args(Group)
_ATTENTIONS = [(each,) for each in ATTENTIONS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The place in a file where a value was written, or words where nobody wrote it."""

    file: str = ""
    line: int = 0
    column: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """A setting that nobody wrote: its value follows from others."""

    setting: str
    before: object
    after: object
    origins: tuple[Origin, Origin]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting that has another value, in all the places that have it from where it was written.

    `fields` are those of the resolved specs, `taken` the paths at which a tree takes the value.
    """

    group: Group
    setting: str
    before: object
    after: object
    origins: tuple[Origin, Origin]
    fields: tuple[str, ...]
    taken: tuple[Path, ...]
    follows: tuple[Consequence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A pair and those that are equal to it in all but the place."""

    pairs: tuple[Pair, ...]
    before: object
    after: object
    origins: tuple[Origin, Origin]
    details: tuple[Consequence, ...] = ()


def changes(
    before: Loaded, after: Loaded, hybrids: Hybrids, is_locked: tuple[bool, bool] = (False, False)
) -> tuple[Change, ...]:
    """Return the settings that differ between two specs, with those that follow from each.

    The settings of a lock stand in a line of their own for each place: `is_locked` joins them.
    """
    found = list(pairs(before.spec, after.spec))
    places = _places(found)
    rows = _rows(
        (_row(pair, before, after) for pair in found if pair.before != pair.after), is_locked
    )
    derived = [row for row in rows if _is_derived(row)]
    own = [_change(row, places) for row in rows if not _is_derived(row)]
    if not own:  # nothing written differs: lengths counted in updates may
        return tuple(_change(row, places) for row in derived)
    return _with_consequences(own, derived, places, before, hybrids)


def _row(pair: Pair, *specs: Loaded) -> _Row:
    sections = [value for value in (pair.before, pair.after) if isinstance(value, BaseModel)]
    if len(sections) == 2 and all(hasattr(section, "kind") for section in sections):
        return _row_of_kinds(pair, sections, specs)
    values = [
        _plain(value, spec, path)
        for value, spec, path in zip((pair.before, pair.after), specs, pair.paths, strict=True)
    ]
    origins = [
        origin_of(spec, holder, pair.field)
        for spec, holder in zip(specs, pair.holders, strict=True)
    ]
    return _Row(pairs=(pair,), before=values[0], after=values[1], origins=(origins[0], origins[1]))


def _plain(value: object, spec: Loaded, path: Path) -> object:
    """A value as JSON has it; of a whole section what was written of it."""
    if isinstance(value, BaseModel):
        node = find(spec.tree, path)
        return to_python(node) if node else value.model_dump(exclude_defaults=True)
    return plain(value)


def _row_of_kinds(pair: Pair, sections: list[BaseModel], specs: tuple[Loaded, ...]) -> _Row:
    """Return the row of two sections of different kinds; other differences go with the kind."""
    both = [Holder(section=each, path=at) for each, at in zip(sections, pair.paths, strict=True)]
    keys = dict.fromkeys(key for section in sections for key in type(section).model_fields)
    details = (_detail(pair.key, key, both, specs) for key in keys if key != "kind")
    kind = _detail(pair.key, "kind", both, specs)
    return _Row(
        pairs=(pair,),
        before=kind.before,
        after=kind.after,
        origins=kind.origins,
        details=tuple(each for each in details if each.before != each.after),
    )


def _detail(
    setting: str, key: str, holders: list[Holder], specs: tuple[Loaded, ...]
) -> Consequence:
    values = [getattr(holder.section, key, None) for holder in holders]
    origins = [origin_of(spec, each, key) for spec, each in zip(specs, holders, strict=True)]
    return Consequence(
        setting=f"{setting}.{key}",
        before=_plain(values[0], specs[0], (*holders[0].path, key)),
        after=_plain(values[1], specs[1], (*holders[1].path, key)),
        origins=(origins[0], origins[1]),
    )


def origin_of(spec: Loaded, holder: Holder, key: str) -> Origin:
    """Return the origin of a value; it is empty where there is no value that anybody wrote."""
    if span := spec.written((*holder.path, key)):
        if span.source.name == "--set":
            return Origin(words=f"--set {span.source.text}")
        return Origin(file=span.source.name, line=span.line, column=span.column)
    if holder.section is None or getattr(holder.section, key, None) is None:
        return Origin()
    return Origin(words=origin_of_default(holder.section, key))


def _is_derived(row: _Row) -> bool:
    """Tell whether nobody wrote it, or it is a sub-layer that the block has no longer."""
    goes = row.pairs[0].field in SUB_LAYERS and row.after is None
    return goes or not any(origin.file or "--set" in origin.words for origin in row.origins)


def _rows(rows: Iterable[_Row], is_locked: tuple[bool, bool]) -> list[_Row]:
    """The rows, one for all places that have the same values from the same lines."""
    joined: dict[str, _Row] = {}
    for row in rows:
        origins = [
            origin.file if lock and origin.file else origin
            for origin, lock in zip(row.origins, is_locked, strict=True)
        ]
        same = repr((row.pairs[0].key, row.before, row.after, origins, len(row.details)))
        first = joined.get(same)
        joined[same] = replace(first, pairs=(*first.pairs, *row.pairs)) if first else row
    return list(joined.values())


def _change(row: _Row, places: dict[str, list[Place]]) -> Change:
    return Change(
        group=_group(row.pairs[0].paths[0]),
        setting=_label(row, places),
        before=row.before,
        after=row.after,
        origins=row.origins,
        fields=tuple(".".join(map(str, pair.paths[1])) for pair in row.pairs),
        taken=tuple(dict.fromkeys(path for pair in row.pairs for path in pair.taken)),
        follows=row.details,
    )


def _group(path: Path) -> Group:
    if path[:2] == ("model", "initialization"):
        return "initialisation"
    return next((each for each in GROUPS if each == path[0]), "architecture")


def _with_consequences(
    own: list[Change],
    derived: list[_Row],
    places: dict[str, list[Place]],
    before: Loaded,
    hybrids: Hybrids,
) -> tuple[Change, ...]:
    """Each derived setting below the change that gives it its value, when it is made alone."""
    alone = [_alone(change, before, hybrids) for change in own] if derived else []
    for row in derived:
        effects = [_effect(row, pairs) for pairs in alone]
        number = effects.index(max(effects))
        follows = (*own[number].follows, _consequence(row, places))
        own[number] = replace(own[number], follows=follows)
    return tuple(own)


def _alone(change: Change, before: Loaded, hybrids: Hybrids) -> list[Pair]:
    """Return what else differs if that one change is made; nothing if it cannot be made alone."""
    try:
        spec = hybrids.with_taken(change.taken).spec
    except Rejected:
        return []
    return [pair for pair in pairs(before.spec, spec) if pair.before != pair.after]


def _effect(row: _Row, alone: list[Pair]) -> int:
    """2 for the whole difference of a derived setting, 1 for another one, 0 for none."""
    moved = [pair.after for pair in alone if pair.key == row.pairs[0].key]
    return 2 if row.pairs[0].after in moved else 1 if moved else 0


def _consequence(row: _Row, places: dict[str, list[Place]]) -> Consequence:
    return Consequence(
        setting=_label(row, places), before=row.before, after=row.after, origins=row.origins
    )


def _places(found: Iterable[Pair]) -> dict[str, list[Place]]:
    """Return the places of the network at which each setting occurs, by its key."""
    places: dict[str, list[Place]] = {}
    for pair in found:
        if pair.before is not None or pair.after is not None:
            places.setdefault(pair.key, []).append(pair.place)
    return places


def _label(row: _Row, places: dict[str, list[Place]]) -> str:
    """The setting in as few words as tell where it differs: `attention.heads` where everywhere."""
    key, own = row.pairs[0].key, [pair.place for pair in row.pairs]
    every = places[key]
    if set(own) == set(every):
        return key
    for stack in EVERY_STACK:
        if set(own) == {place for place in every if place[:1] == (stack,)}:
            return f"{stack}.{key}"
    if len(own) > 1:
        return f"{key} in {', '.join('.'.join(place) or 'model' for place in own)}"
    last = key.removeprefix("attention.") if own[0][-1:] in _ATTENTIONS else key
    inside = own[0][:-1] if own[0][-1:] and key.startswith(f"{own[0][-1]}.") else own[0]
    return ".".join((*(inside or ("model",)), last))
