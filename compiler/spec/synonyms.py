"""Translates keys and values of other tools for messages, by the table `other_tools.yaml`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path as File
from typing import Any, cast

from compiler.source.node import Path, to_python
from compiler.source.read import read
from compiler.source.span import Source
from compiler.spec.fields import kinds_with_value
from compiler.spec.tasks import EVERY_STACK, stacks_of

_TABLE = File(__file__).with_name("other_tools.yaml")
_GIVEN = "$"
"""Stands in the table for the value that the author gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """The counterpart of another tool's word: settings by their paths, or none, and a remark."""

    settings: dict[Path, Any] = field(default_factory=dict)
    because: str = ""


def plain(word: object) -> str:
    """The word in lower case with letters and digits only, for comparisons."""
    text = str(word).lower() if isinstance(word, bool) else str(word)
    return re.sub("[^a-z0-9]", "", text.lower())


def same_word(word: object, words: list[str]) -> str | None:
    """The one of our words that differs from a given one only by case and punctuation."""
    return next((each for each in words if plain(each) == plain(word)), None) if word else None


def counterpart_of_key(path: Path, value: object, task: str) -> Counterpart | None:
    """The counterpart of the last key of a path, with its value."""
    stacks = stacks_of(task) if path[0] == "model" or len(path) == 1 else ()
    only = stacks if len(stacks) == 1 else ()  # what is said of the model is of this stack
    sections = (*path[:-1], *only)
    for entry in _keys().get(plain(path[-1]), ()):
        if entry.get("within", path[0]) in sections or (len(path) == 1 and "within" not in entry):
            because = entry.get("because", "")
            if "ours" not in entry:
                return Counterpart(because=because)
            settings: dict[Path, Any] = {}
            for ours in _places(entry["ours"], path, task):
                settings |= _settings(entry, ours, value)
            return Counterpart(settings=settings, because=because)
    return None


def counterpart_of_value(path: Path, value: object, kind: object = None) -> Counterpart | None:
    """The counterpart of a value that is another tool's, or that of another `kind` of section."""
    if kind is not None and (known := _of_another_kind(path, value, kind)):
        return known
    dotted = ".".join(each for each in path if isinstance(each, str))
    for place, words in table()["values"].items():
        if dotted == place or dotted.endswith(f".{place}"):
            found = words.get(plain(value)) or _by_pattern(words, str(value))
            return _counterpart(path, found) if found is not None else None
    return None


def _of_another_kind(path: Path, value: object, own: object) -> Counterpart | None:
    """The settings by which a section has the kind that a value belongs to, and not `own`."""
    if not (kinds := kinds_with_value(path, value, own)):
        return None
    because = f"`{path[-1]}: {value}` is for {' or '.join(f'`kind: {each}`' for each in kinds)}"
    return Counterpart(settings={(*path[:-1], "kind"): kinds[0], path: value}, because=because)


def _counterpart(path: Path, found: object) -> Counterpart:
    if not isinstance(found, dict):
        return Counterpart(settings={path: found})
    settings = {(*path[:-1], key): value for key, value in found.items() if key != "because"}
    return Counterpart(settings=settings, because=found.get("because", ""))


def _by_pattern(words: dict[str, Any], value: str) -> Any:
    return next((words[each] for each in words if "*" in each and fnmatchcase(value, each)), None)


def _settings(entry: dict[str, Any], ours: Path, value: object) -> dict[Path, Any]:
    """The settings to write at our path, or below it, for a value of another tool."""
    written = entry.get("values", {}).get(plain(value), entry.get("write", _GIVEN))
    if not isinstance(written, dict):
        return {ours: _filled(written, value)}
    return {(*ours, key): _filled(each, value) for key, each in written.items()}


def _filled(written: object, value: object) -> object:
    if written == _GIVEN:
        return value
    if isinstance(written, dict):
        return {key: _filled(each, value) for key, each in written.items()}
    return written.replace(_GIVEN, str(value)) if isinstance(written, str) else written


def _places(ours: str, path: Path, task: str) -> Iterator[Path]:
    """The paths of an entry: `{stack}` is the stack of the wrong key, or each one of the task."""
    here = [each for each in EVERY_STACK if each in path]
    stacks = here or stacks_of(task) if "{stack}" in ours else ("",)
    for stack in stacks:
        yield from (tuple(each.split(".")) for each in ours.format(stack=stack).split())


@cache
def _keys() -> dict[str, list[dict[str, Any]]]:
    """The entries of each word; those for a particular section come first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in sorted(table()["keys"], key=lambda entry: "within" not in entry):
        for word in entry["theirs"].split():
            found.setdefault(plain(word), []).append(entry)
    return found


@cache
def table() -> dict[str, Any]:
    source = Source(name=_TABLE.name, text=_TABLE.read_text(encoding="utf-8"))
    return cast(dict[str, Any], to_python(read(source)))
