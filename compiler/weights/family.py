"""A family of published models: what the keys of its config.json mean in a spec.

A family is a folder of `compiler/weights/families` with `family.yaml`; its map lies beside it, or
in `compiler/weights/maps` where it belongs to no family or to one task.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from compiler.source.diagnostic import Diagnostic, Rejected, mistake
from compiler.source.node import Mapping, deepest, to_python
from compiler.source.read import read, read_text
from compiler.source.span import Source
from compiler.spec.base import Section, setting
from compiler.weights.families import FAMILIES
from compiler.weights.maps import MAPS

Paths = Annotated[list[str], Field(min_length=1)]
Read = TypeVar("Read", bound=Section)
FILE, COMMON = "family.yaml", FAMILIES / "common.yaml"


class Meaning(Section):
    """A key of config.json: the settings that it gives, and the values that they can have."""

    to: str | Paths = setting("settings of a spec, as dotted keys")
    values: str | dict[str, Any] | None = setting(
        "their values in ours, or the name of a table of common.yaml; by default they are ours",
        default=None,
    )
    default: Any = setting(
        "the value of files that lack the key; where it is not written, they need the key",
        default=None,
    )
    may_be_null: bool = setting(
        "whether `null` is a value that files have, which leaves the settings out; otherwise it "
        "means the default",
        default=False,
    )

    @property
    def paths(self) -> list[str]:
        return [self.to] if isinstance(self.to, str) else self.to


class Head(Section):
    """A task of a family, with what its models have behind the network that all of them share."""

    where: str | None = setting(
        "a tensor that such a model has, with `*` for any text, or a file beside config.json",
        default=None,
    )
    map: str | None = setting("the family whose map it has; by default its own", default=None)
    spec: dict[str, Any] = setting("settings of a spec", default={})


class Family(Section):
    """A table that makes a spec of a config.json, and our parameters of its tensors."""

    model_types: Paths = setting("values of `model_type`")
    prefix: str = setting(
        "what begins the names of tensors, except where the network was saved by itself", default=""
    )
    tasks: Annotated[dict[str, Head], Field(min_length=1)] = setting("by name, the usual one first")
    spec: dict[str, Any] = setting("settings that all models of the family have", default={})
    keys: dict[str, str | Paths | Meaning] = setting("keys of config.json, and settings of a spec")
    readings: list[str] = setting(
        "keys that are read by a function of readings.py, in this order: each sees the settings "
        "before it",
        default=[],
    )
    only: dict[str, list[Any]] = setting("keys, and the values that ours can be", default={})
    without_effect: list[str] = setting("keys that change nothing of the network", default=[])
    symbols: dict[str, list[str]] = setting(
        "tokens for padding, unknown, begin, end and mask: the first that the files have, by the "
        "name of a key without `_id`, or as the vocabulary writes it"
    )
    before: dict[str, list[str]] = setting(
        "tokens that each source and each target begins with, by such names, or `language`",
        default={},
    )
    tokenizer: str | None = setting(
        "the class of tokenizers of a sentencepiece model whose folder does not name one",
        default=None,
    )
    unread_tokenizers: dict[str, str] = setting(
        "values of `tokenizer_class` whose texts ours cannot build, and the reason", default={}
    )
    lines: dict[str, str] = setting("lines of the map that only some models need", default={})
    needless: list[str] = setting("tensors that are copies or computed, where they are", default=[])

    def meaning(self, key: str) -> Meaning | None:
        """Return the meaning of a key, if the table has it."""
        found = self.keys.get(key)
        return found if found is None or isinstance(found, Meaning) else Meaning(to=found)


class Common(Section):
    """Facts that hold for every family."""

    values: dict[str, dict[str, Any]] = setting("tables of values, by name")
    only: dict[str, list[Any]] = setting("keys, and the values that ours can be")
    without_effect: list[str] = setting("keys that change nothing of the network")
    refused: dict[str, str] = setting("values of `model_type` without a family, and the reason")


def read_family(path: Path) -> Family:
    """Return the family in a file; raises `Rejected` with every key and value that is wrong."""
    return _read(path, Family)


@cache
def common() -> Common:
    """Return the facts that hold for every family."""
    return _read(COMMON, Common)


@cache
def families() -> dict[str, Family]:
    """Return all families by the names of their folders."""
    return {file.parent.name: read_family(file) for file in sorted(FAMILIES.glob(f"*/{FILE}"))}


def find_family(model_type: str) -> tuple[str, Family] | None:
    """Return the family of a `model_type`, and its name."""
    found = (each for each in families().items() if model_type in each[1].model_types)
    return next(found, None)


def map_of(name: str, family: Family, task: str) -> Path:
    """Return the file of the map of a task of a family."""
    return map_named(family.tasks[task].map or name)


def map_named(name: str) -> Path:
    """Return the file of a map: that of the family of this name, or another one."""
    own = FAMILIES / name / "map.yaml"
    return own if own.is_file() else MAPS / f"{name}.yaml"


def _read(path: Path, section: type[Read]) -> Read:
    root = read(Source(name=str(path), text=read_text(path)))
    try:
        return section.model_validate(to_python(root))
    except ValidationError as error:
        raise Rejected(_diagnostics(root, error)) from None


def _diagnostics(root: Any, error: ValidationError) -> Iterator[Diagnostic]:
    for each in error.errors(include_url=False, include_input=False):
        steps = tuple(step for step in each["loc"] if step != "[key]")
        node = deepest(root, steps)
        words, holder = ".".join(map(str, steps)), deepest(root, steps[:-1])
        if each["type"] == "missing":
            yield mistake(node.span, "missing-key", f"`{words}` is missing")
        elif each["type"] == "extra_forbidden" and isinstance(holder, Mapping):
            place = holder.keys.get(str(steps[-1]), holder.span)
            yield mistake(place, "unknown-key", f"a family has no `{words}`")
        else:
            yield mistake(node.span, "bad-value", f"`{words}`: {each['msg']}")
