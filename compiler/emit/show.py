"""Specs as YAML for people: one to start from, and one that is complete, with origins."""

from collections.abc import Iterator

from pydantic import BaseModel

from compiler.emit.template import fill
from compiler.source.node import Path
from compiler.source.write import flow
from compiler.spec.load import Loaded
from compiler.spec.tasks import TASKS

COLUMN = 44
"""Where comments begin, if the value leaves room."""
SCHEMA_FILE = "specformer.schema.json"
"""What the first line of a new spec tells an editor to read."""


def starter(name: str, extends: str | None) -> str:
    """Return the text of a new spec: a variant of another, or one that stands alone."""
    parent = flow(extends) if extends else None
    return fill("starter.yaml.jinja", name=name, extends=parent, schema=SCHEMA_FILE)


def annotated(loaded: Loaded) -> str:
    """A spec again, for people: every value with its origin, then what was dropped on the way."""
    lines = [*_lines(loaded, loaded.spec, ()), *_dropped(loaded)]
    return "".join(f"{line}\n" for line in lines)


def _lines(loaded: Loaded, section: BaseModel | dict[str, BaseModel], path: Path) -> Iterator[str]:
    """The lines of a section, or of several that have names."""
    indent = "  " * len(path)
    for key, value in section.items() if isinstance(section, dict) else section:
        place = (*path, key)
        if place in TASKS[loaded.spec.task].without_meaning:
            continue
        if isinstance(value, BaseModel) or (isinstance(value, dict) and value):
            yield f"{indent}{key}:"
            yield from _lines(loaded, value, place)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            yield f"{indent}{key}:"
            for number, item in enumerate(value):
                yield from _item(list(_lines(loaded, item, (*place, number))))
        elif value is not None:
            assert isinstance(section, BaseModel), "what has names is a section"
            setting = f"{indent}{key}: {flow(value)}"
            yield f"{setting:<{COLUMN}}  # {_origin(loaded, section, place)}"


def _item(lines: list[str]) -> list[str]:
    """A section of a list, two deeper than the list's key: a dash marks its first line."""
    mark = len(lines[0]) - len(lines[0].lstrip()) - 2
    first = f"{lines[0][:mark]}- {lines[0][mark + 2 :]}"
    return [first, *lines[1:]]


def _origin(loaded: Loaded, section: BaseModel, path: Path) -> str:
    """The file and line; or where a value comes from that nobody wrote."""
    if span := loaded.written(path):
        return f"--set {span.source.text}" if span.source.name == "--set" else str(span)
    return origin_of_default(section, str(path[-1]))


def origin_of_default(section: BaseModel, key: str) -> str:
    """Return, in words, the origin of the value of a key that nobody wrote."""
    is_derived = type(section).model_fields[key].default is None
    return "default, derived from other settings" if is_derived else "default"


def _dropped(loaded: Loaded) -> Iterator[str]:
    for each in loaded.dropped:
        name = ".".join(map(str, each.path))
        yield f"# dropped, since a later choice left it without effect: {name} ({each.span})"
