"""All sections of a complete spec, with their paths."""

from collections.abc import Iterator

from pydantic import BaseModel

from compiler.source.node import Path


def sections_below(section: BaseModel, path: Path = ()) -> Iterator[tuple[BaseModel, Path]]:
    """Yield a section and all below it, with their paths in the tree of the spec."""
    yield section, path
    for name in type(section).model_fields:
        for below, steps in sections_in(getattr(section, name)):
            yield from sections_below(below, (*path, name, *steps))


def sections_in(value: object) -> Iterator[tuple[BaseModel, Path]]:
    """Yield the sections that a setting holds, with their steps: itself, in a list or by name."""
    if isinstance(value, BaseModel):
        yield value, ()
    elif isinstance(value, list):
        yield from ((each, (n,)) for n, each in enumerate(value) if isinstance(each, BaseModel))
    elif isinstance(value, dict):
        yield from ((each, (key,)) for key, each in value.items() if isinstance(each, BaseModel))
