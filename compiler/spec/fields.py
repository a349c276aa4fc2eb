"""The schema as paths of keys: where a setting may be written, and what it takes."""

from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from compiler.source.node import Path
from compiler.spec.expectation import expectation
from compiler.spec.inherit import HANDED_DOWN
from compiler.spec.model import LayerGroup
from compiler.spec.shorthand import PLACES
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK, TASKS, stacks_of


def members(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """The sections that a field may hold, itself, in a list or by name, by their tags."""
    found: dict[str, type[BaseModel]] = {}
    for each in _arms(field.annotation):
        tags = [extra.tag for extra in get_args(each)[1:] if isinstance(extra, Tag)]
        section = _item(each)
        if isinstance(section, type) and issubclass(section, BaseModel):
            kind = section.model_fields.get("kind")
            tags = tags or [str(tag) for tag in get_args(kind.annotation if kind else None)]
            found |= dict.fromkeys(tags or [section.__name__], section)
    return found


def has_names(field: FieldInfo) -> bool:
    """Return whether a field holds a mapping whose keys the author chooses."""
    return any(get_origin(each) is dict for each in get_args(field.annotation))


def marks_of(annotation: object) -> Iterator[object]:
    """The metadata of the union in a field that may be left out or is a mapping of names."""
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    elif get_origin(annotation) in (Union, UnionType, dict):
        for each in get_args(annotation):
            yield from marks_of(each)


def _arms(annotation: object) -> Iterator[object]:
    """The members of a union, also where the field may be left out or is a mapping of names."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        for each in arguments:
            yield from _arms(each)
    elif origin is dict:
        yield from _arms(arguments[1])
    elif origin is Annotated and get_origin(arguments[0]) in (Union, UnionType):
        yield from _arms(arguments[0])
    else:
        yield annotation


def _item(annotation: object) -> object:
    """The type inside `Annotated`, or of the items of a list."""
    while get_origin(annotation) in (Annotated, list):
        annotation = get_args(annotation)[0]
    return annotation


def schema_path(written: Path) -> Path:
    """The path in the classes of what may be written at a path, also where others inherit it."""
    path = tuple(step for step in written if isinstance(step, str))
    if path[:2] == ("data", "tests") and path[2:]:
        return ("data", "test", *path[3:])
    if path[:3] == ("model", "embedding", "position"):
        path = ("model", "decoder", *path[2:])
    if path[:1] == ("model",) and {*path[1:2]} & {*HANDED_DOWN["model",], "position"}:
        path = ("model", "decoder", *path[1:])
    if path[:1] != ("model",) or not {*path[1:2]} & {*EVERY_STACK}:
        return path
    _, stack, *below = path
    if {*below[:1]} & {*HANDED_DOWN["model", stack]} - {"norm", "position"}:
        below = ["layers", *below]
    if below[:2] == ["layers", "attention"]:
        below[1] = "self_attention"
    return ("model", stack, *below)


def sections_at(path: Path) -> dict[str, type[BaseModel]]:
    """The sections that may stand at a path as it is written, by their tags."""
    if path == ("data", "tests"):
        return {}  # the author's names, each with a section
    forms: dict[str, type[BaseModel]] = {"": Spec}
    for step in schema_path(path):
        fields = [section.model_fields.get(str(step)) for section in forms.values()]
        forms = {tag: each for field in fields if field for tag, each in members(field).items()}
    return forms


def sections_of(path: Path, kind: object = None) -> list[type[BaseModel]]:
    """The forms of the section at a path, or that of a kind."""
    forms = sections_at(path)
    return [forms[str(kind)]] if str(kind) in forms else [*dict.fromkeys(forms.values())]


def fields_at(path: Path, kind: object = None) -> list[FieldInfo]:
    """Return the fields that may stand at a path as written, in a section of a kind or of any."""
    if not path:
        return []
    *above, key = schema_path(path)
    sections = sections_of(tuple(above), kind)
    return [each.model_fields[str(key)] for each in sections if str(key) in each.model_fields]


def accepts(path: Path, value: object, kind: object = None) -> bool:
    """Return whether a setting may have a value by itself, in a section of a kind or of any."""
    if path[-1:] == ("layers",) and isinstance(value, int):
        return _takes(LayerGroup.model_fields["repeat"], value)
    if isinstance(value, str) and _may_be_a_word(path) and value in kinds_at(path):
        return True
    return any(_takes(field, value) for field in fields_at(path, kind))


def expected_at(path: Path, value: object) -> str:
    """Return what a setting takes, in words, where it does not take a value; else nothing."""
    if accepts(path, value) or not (fields := fields_at(path)):
        return ""
    if path[-1:] == ("layers",):
        fields = [LayerGroup.model_fields["repeat"]]
    found: list[str] = []
    for field in fields:
        try:
            _adapter(field).validate_python(value, strict=True)
        except ValidationError as error:
            found += [expectation(each) for each in error.errors()]
    return " or ".join(dict.fromkeys(found))


def _takes(field: FieldInfo, value: object) -> bool:
    try:
        _adapter(field).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    form: Any = Annotated[field.annotation, field]
    return TypeAdapter(form)


def kinds_at(path: Path) -> list[str]:
    """The kinds of the section at a path."""
    sections = sections_of(path)
    kinds = [each.model_fields["kind"] for each in sections if "kind" in each.model_fields]
    return [str(word) for kind in kinds for word in get_args(kind.annotation)]


def kinds_with(path: Path) -> list[str]:
    """The kinds of a section that have the last key of a path."""
    wanted = {"kind", str(path[-1])}
    forms = sections_at(path[:-1])
    return [tag for tag, section in forms.items() if wanted <= section.model_fields.keys()]


def kinds_with_value(path: Path, value: object, own: object) -> list[str]:
    """Return the kinds of section, but for `own`, that have a word at a path."""
    if path[-1] == "kind" or value not in words_at(path):
        return []
    return [each for each in kinds_at(path[:-1]) if each != own and accepts(path, value, each)]


def words_at(path: Path) -> list[str]:
    """The words that a setting chooses from, those of a mapping's kind that may stand for it."""
    found = [
        word
        for field in fields_at(path)
        for arm in (field.annotation, *_arms(field.annotation))
        if get_origin(arm) is Literal
        for word in get_args(arm)
        if isinstance(word, str)
    ]
    return [*dict.fromkeys([*found, *(kinds_at(path) if _may_be_a_word(path) else [])])]


def _may_be_a_word(path: Path) -> bool:
    """Return whether the word of a kind may stand for its mapping."""
    return tuple(step for step in path if isinstance(step, str)) in PLACES


def is_section(path: Path) -> bool:
    """Return whether keys and values stand at a path, and no list of them."""
    return bool(sections_at(path)) and path[-1:] != ("layers",) and path[-1:] != ("mask",)


def keys_at(path: Path, kind: object) -> list[str]:
    """The keys that the section at a path may have, with those that others inherit from it."""
    sections = sections_of(path, kind)
    below = tuple(str(step) for step in path if isinstance(step, str))
    more = ("extends",) if not path else HANDED_DOWN.get(below, ())
    return [*dict.fromkeys([*(key for each in sections for key in each.model_fields), *more])]


def is_corpus(path: Path) -> bool:
    """Return whether a text is described at a path."""
    return "parallel" in sections_at(path)


def corpora_of(task: str) -> list[type[BaseModel]]:
    """The forms of a text from which a task is learned."""
    return [*TASKS[task].corpora]


@cache
def key_places() -> tuple[Path, ...]:
    """Returns the places of keys, the most general one where several stacks may inherit them."""
    return tuple(dict.fromkeys(_as_written(path) for path in _all_places(Spec)))


def _all_places(section: type[BaseModel]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, field in section.model_fields.items():
        found.append((name,))
        for member in dict.fromkeys(members(field).values()):
            found += [(name, *below) for below in _all_places(member)]
    return found


def _as_written(path: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the usual place of a setting: below `model` if stacks inherit it, else a stack."""
    if path[:1] != ("model",) or path[1:2] == () or path[1] not in EVERY_STACK:
        return path
    stack, below = path[1], path[2:]
    if below[:1] == ("layers",) and below[1:2] not in ((), ("repeat",)):
        below = below[1:]
    if {*below[:1]} & {*ATTENTIONS} and below[1:2] != ("mask",):
        below = ("attention", *below[1:])
    if below[:1] == ("position",):
        return ("model", "embedding", *below)
    return (
        ("model", *below) if {*below[:1]} & {*HANDED_DOWN["model",]} else ("model", stack, *below)
    )


def place_of(key: str, path: Path, task: str) -> Path | None:
    """The path at which a misplaced key belongs: the one that shares most keys above it."""
    stacks = stacks_of(task)
    found = [
        each
        for each in key_places()
        if each[-1] == key and each != path and not {*each} & ({*EVERY_STACK} - {*stacks})
    ]
    found = [each for each in found if "mask" not in each[:-1]] or found
    best = min(found, key=lambda place: (-_common(place, path), len(place)), default=None)
    is_of_a_part = path[1:2] and path[1] in stacks and best and best[1:2] != ("embedding",)
    return in_part(best, path) if best and is_of_a_part else best


def in_part(place: Path, path: Path) -> Path:
    """A place below `model` as that of the stack, the layers or the attention that a path is in."""
    if place[:1] != ("model",) or path[:1] != ("model",) or not {*path[1:2]} & {*EVERY_STACK}:
        return place
    below = place[2:] if place[:3] == ("model", "embedding", "position") else place[1:]
    if below[:1] == ("attention",):
        below = (next((each for each in ATTENTIONS if each in path), "attention"), *below[1:])
    layers = [path[:4]] if path[2:3] == ("layers",) and len(path) > 4 else []
    parts = [part for part in (*layers, path[:2]) if below and below[0] in keys_at(part, None)]
    return (*parts[0], *below) if parts else place


def sections_like(name: str, task: str) -> list[Path]:
    """The sections of a task whose names begin as another does, one of the same name first."""
    others = {*EVERY_STACK} - {*stacks_of(task)}
    found = [
        each
        for each in key_places()
        if str(each[-1]).startswith(name[:4].lower()) and is_section(each) and not {*each} & others
    ]
    return sorted(found, key=lambda place: (place[-1] != name, len(place)))


def _common(one: Path, other: Path) -> int:
    """Return the number of keys that two paths begin with together."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def home(path: Path) -> Path:
    """The path at which a setting that is missing is mostly written."""
    return _as_written(tuple(step for step in path if isinstance(step, str)))
