"""The comparison of a spec with what the paper says."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from compiler.conform.names import Name, joint_name, name_of
from compiler.conform.paper import MOOT, OUTSIDE, PAPER, STATEMENTS, moot_for
from compiler.conform.statement import Place, Statement
from compiler.conform.table3 import Row, row_of
from compiler.diff.settings import Holder, count, plain
from compiler.diff.settings_diff import Origin, origin_of
from compiler.source.node import Path
from compiler.spec.load import Loaded
from compiler.spec.model import Stack
from compiler.spec.tasks import TASKS
from compiler.spec.walk import sections_below

Verdict = Literal["agrees", "departs", "not named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A setting beside the paper; `places` are the parts of the network that have this value.

    `paper` is the value that agrees with the paper, None for one that it does not name, of which
    `says` is empty and `about` a description. What the paper does not name departs where it adds
    something to what the paper describes; `is_choice` tells a setting of which everyone has to
    choose a value.
    """

    setting: str
    places: tuple[str, ...]
    value: object
    paper: object
    verdict: Verdict
    is_named: bool
    is_choice: bool
    section: str
    says: str
    about: str
    tensor2tensor: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformity:
    """A spec beside the paper: the row of Table 3 that it is, and all findings.

    `differing` has the columns of that row in which the spec has other values, if it is none.
    `outside` has the settings that the paper has no reason to speak of, by what they are about, and
    `moot` those about which another setting has the last word, by that setting.
    """

    name: str
    row: Row
    differing: dict[str, tuple[object, ...]]
    findings: tuple[Finding, ...]
    outside: dict[str, tuple[str, ...]]
    moot: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """A setting of a section of a spec: `key` as statements have it, and its name."""

    section: BaseModel
    path: Path
    field: str
    name: Name

    @property
    def key(self) -> str:
        return f"{type(self.section).__name__}.{self.field}"


@dataclass(slots=True, kw_only=True)
class _Joined:
    """The settings that have one value, one verdict and one origin."""

    statement: Statement
    settings: list[_Setting] = field(default_factory=list)


def conformity(loaded: Loaded, *, is_locked: bool = False) -> Conformity:
    """Compare a spec with the paper.

    A lock has a line for each place of a setting: `is_locked` joins those with one value.
    """
    row, differing = row_of(loaded.spec)
    settings = list(_settings(loaded))
    moot = {**_groups(MOOT), **_groups(moot_for(TASKS[loaded.spec.task]))}
    compared = [each for each in settings if each.key in STATEMENTS and not _group(each, moot)]
    names: dict[str, list[Name]] = defaultdict(list)
    joined: dict[str, _Joined] = {}
    for each in sorted(compared, key=lambda each: STATEMENTS[each.key]):
        names[each.name.general].append(each.name)
        statement = PAPER[STATEMENTS[each.key]]
        origin = None if is_locked else _origin(loaded, each)
        place = Place(spec=loaded.spec, row=row, section=each.section, path=each.path)
        accepted = _accepted(statement, place)
        same = repr((each.name.general, _value(each), _is_in(_value(each), accepted), origin))
        joined.setdefault(same, _Joined(statement=statement)).settings.append(each)
    return Conformity(
        name=loaded.spec.name,
        row=row,
        differing=differing,
        findings=tuple(_finding(loaded, row, each, names) for each in joined.values()),
        outside=_listed(settings, _groups(OUTSIDE)),
        moot=_listed(settings, moot),
    )


def _settings(loaded: Loaded) -> Iterator[_Setting]:
    """Yield the settings of all sections that mean something for the task of a spec."""
    unused = TASKS[loaded.spec.task].without_meaning
    for section, path in sections_below(loaded.spec):
        for name in type(section).model_fields:
            whole = (*path, name)
            if not any(whole[: len(each)] == each for each in unused):
                yield _Setting(
                    section=section, path=path, field=name, name=name_of(loaded.spec, whole)
                )


def _finding(loaded: Loaded, row: Row, joined: _Joined, names: dict[str, list[Name]]) -> Finding:
    statement, first = joined.statement, joined.settings[0]
    place = Place(spec=loaded.spec, row=row, section=first.section, path=first.path)
    value, accepted = _value(first), _accepted(statement, place)
    own = [each.name for each in joined.settings]
    return Finding(
        setting=joint_name(own, names[first.name.general]),
        places=tuple(dict.fromkeys(each.stack for each in own if each.stack)),
        value=value,
        paper=_fitting(accepted, value, first) if statement.is_named else None,
        verdict=_verdict(statement, accepted, value),
        is_named=statement.is_named,
        is_choice=statement.values is None,
        section=statement.section,
        says=statement.says,
        about=statement.about,
        tensor2tensor=statement.tensor2tensor,
        origin=_origin(loaded, first),
    )


def _accepted(statement: Statement, place: Place) -> tuple[object, ...]:
    return statement.values(place) if statement.values else ()


def _verdict(statement: Statement, accepted: tuple[object, ...], value: object) -> Verdict:
    is_as_described = statement.values is None or _is_in(value, accepted)
    if not is_as_described:
        return "departs"
    return "agrees" if statement.is_named else "not named"


def _is_in(value: object, accepted: tuple[object, ...]) -> bool:
    """Tell whether one of the accepted values has the same type, too: True is not 1.0."""
    return any(type(each) is type(value) and each == value for each in accepted)


def _value(setting: _Setting) -> object:
    """Return a value as it is compared: of a section its kind, of layers their number."""
    value = getattr(setting.section, setting.field)
    if isinstance(setting.section, Stack) and setting.field == "layers":
        return count(setting.section.layers)
    if isinstance(value, BaseModel):
        return getattr(value, "kind", None) or plain(value)
    return plain(value)


def _fitting(accepted: tuple[object, ...], value: object, setting: _Setting) -> object:
    """Return the value of the paper that is shown beside another: of the same type if one is."""
    if _is_in(value, accepted):
        return value
    default = type(setting.section).model_fields[setting.field].default
    same = [each for each in accepted if type(each) is type(value)]
    return next(iter([*same, *(each for each in accepted if each == default), *accepted]), None)


def _origin(loaded: Loaded, setting: _Setting) -> Origin:
    holder = Holder(section=setting.section, path=setting.path)
    return origin_of(loaded, holder, setting.field)


def _groups(keys: dict[str, str]) -> dict[str, str]:
    """Return the group of each key, or section, from the keys of each group."""
    return {key: group for group, own in keys.items() for key in own.split()}


def _group(setting: _Setting, groups: dict[str, str]) -> str | None:
    return groups.get(setting.key) or groups.get(type(setting.section).__name__)


def _listed(settings: list[_Setting], groups: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the names of a spec's settings that belong to groups of keys, or of sections.

    The kind of a section is that of the setting that holds it, and what a section holds is not
    named beside the section.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for each in settings:
        group, name = _group(each, groups), each.name.general
        is_inside = any(name.startswith(f"{other}.") for other in found.get(str(group), ()))
        if group is not None and each.field != "kind" and not is_inside:
            found[group][name] = None
    return {group: tuple(names) for group, names in found.items()}
