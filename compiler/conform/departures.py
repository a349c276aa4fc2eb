"""The comparison of a spec with what the paper says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel

from compiler.conform.paper import PAPER
from compiler.conform.statement import Place, Statement
from compiler.conform.table3 import Row, row_of
from compiler.diff.settings import Holder, count, plain
from compiler.diff.settings_diff import Origin, origin_of
from compiler.source.node import Path
from compiler.spec.load import Loaded
from compiler.spec.model import LayerGroup, Stack

Verdict = Literal["agrees", "departs", "open"]
STATEMENTS: dict[str, Statement] = {key: each for each in PAPER for key in each.keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A setting beside the paper; `places` are the parts of the network that have this value.

    `paper` is the value that agrees with the paper, None where `verdict` is open.
    """

    setting: str
    places: tuple[str, ...]
    value: object
    paper: object
    verdict: Verdict
    section: str
    says: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformity:
    """A spec beside the paper: the row of Table 3 that it is, and all findings.

    `differing` has the columns of that row in which the spec has other values, if it is none.
    """

    name: str
    row: Row
    differing: dict[str, tuple[object, ...]]
    findings: tuple[Finding, ...]


def conformity(loaded: Loaded) -> Conformity:
    """Compare a spec with the paper."""
    row, differing = row_of(loaded.spec)
    joined: dict[str, Finding] = {}
    for each in _findings(loaded, row):
        same = repr((each.setting, each.value, each.paper, each.verdict, each.origin))
        first = joined.get(same)
        places = (*first.places, *each.places) if first else each.places
        joined[same] = replace(each, places=tuple(dict.fromkeys(places)))
    order = {statement.says: number for number, statement in enumerate(PAPER)}
    findings = sorted(joined.values(), key=lambda each: order[each.says])
    return Conformity(name=loaded.spec.name, row=row, differing=differing, findings=tuple(findings))


def _findings(loaded: Loaded, row: Row) -> Iterator[Finding]:
    for section, path in _sections(loaded.spec, ()):
        for name in type(section).model_fields:
            statement = STATEMENTS.get(f"{type(section).__name__}.{name}")
            if statement is not None:
                place = Place(spec=loaded.spec, row=row, section=section, path=path)
                yield _finding(loaded, statement, place, name)


def _sections(section: BaseModel, path: Path) -> Iterator[tuple[BaseModel, Path]]:
    """Yield a section and all below it, with their paths in the tree of the spec."""
    yield section, path
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _sections(value, (*path, name))
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from _sections(item, (*path, name, number))


def _finding(loaded: Loaded, statement: Statement, place: Place, name: str) -> Finding:
    value = _value(place.section, name)
    accepted = statement.values(place) if statement.values else ()
    verdict: Verdict = (
        "open" if not accepted else "agrees" if _is_in(value, accepted) else "departs"
    )
    holder = Holder(section=place.section, path=place.path)
    return Finding(
        setting=_setting(place, name),
        places=(_part(place.path),),
        value=value,
        paper=_fitting(accepted, value, name, place),
        verdict=verdict,
        section=statement.section,
        says=statement.says,
        origin=origin_of(loaded, holder, name),
    )


def _is_in(value: object, accepted: tuple[object, ...]) -> bool:
    """Tell whether one of the accepted values has the same type, too: True is not 1.0."""
    return any(type(each) is type(value) and each == value for each in accepted)


def _value(section: BaseModel, name: str) -> object:
    """Return a value as it is compared: of a section its kind, of layers their number."""
    value = getattr(section, name)
    if isinstance(section, Stack) and name == "layers":
        return count(section.layers)
    if isinstance(value, BaseModel):
        return getattr(value, "kind", None) or plain(value)
    return plain(value)


def _fitting(accepted: tuple[object, ...], value: object, name: str, place: Place) -> object:
    """Return the value of the paper that is shown beside another: of the same type if one is."""
    if _is_in(value, accepted):
        return value
    default = type(place.section).model_fields[name].default
    same = [each for each in accepted if type(each) is type(value)]
    return next(iter([*same, *(e for e in accepted if e == default), *accepted]), None)


def _setting(place: Place, name: str) -> str:
    """Return the key without the stacks and layers that have it: `self_attention.heads`."""
    path = [step for step in place.path if isinstance(step, str)]
    kept = [step for step in path if step not in ("model", "encoder", "decoder", "layers")]
    if isinstance(place.section, Stack | LayerGroup) or kept or path[:1] != ["model"]:
        return ".".join([*kept, name])
    return f"model.{name}"


def _part(path: Path) -> str:
    return next((step for step in ("encoder", "decoder") if step in path), "")
