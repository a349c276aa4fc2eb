"""The settings that the parts of a network come from, for the source map of generated code.

A compilation that is asked for its source map gives each place (`origin`) of the IR the path of the
setting there; the pass `find_causes` adds the settings that a statement, a part or a number comes
from. A compilation that is not asked has plain places, and no function here costs it anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from compiler.source.span import Span

Paths = tuple[str, ...]
"""Paths of settings in the complete spec, such as `model.encoder.norm.eps`, the closest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpan(Span):
    """The place of a setting, with its path."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caused(SettingSpan):
    """The place of a statement or of a block, with the settings that its code comes from.

    `choices` are the settings that decide what helper functions are called, and how. A block has
    the causes of its `parts`, of the `numbers` in it and of the masks, angles and biases that its
    functions are given (`inputs`), under their names.
    """

    causes: Paths = ()
    choices: Paths = ()
    parts: Mapping[str, "Caused"] = field(default_factory=dict)
    numbers: Mapping[str, Paths] = field(default_factory=dict)
    inputs: Mapping[str, Paths] = field(default_factory=dict)


def fields_of(span: Span) -> dict[str, Any]:
    """Return the fields of a place in a text, from which one with a path is made."""
    return {each.name: getattr(span, each.name) for each in fields(Span)}


def causes_of(origin: Span) -> Paths:
    """Return the settings that the code at a place comes from; none without a source map."""
    return origin.causes if isinstance(origin, Caused) else ()


def causes_of_part(origin: Span, part: str) -> Paths:
    """Return the settings that a part of the block at a place comes from."""
    found = origin.parts.get(part) if isinstance(origin, Caused) else None
    return found.causes if found else ()


def united(several: Iterable[Paths]) -> Paths:
    """Return all of several paths, each once."""
    return tuple(dict.fromkeys(path for paths in several for path in paths))
