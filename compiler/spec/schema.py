"""The language of specs as a JSON Schema (draft 2020-12), for editors and other programs.

The classes of this folder hold settings as they are after inheritance. Written, a spec may hand
settings down (`model.attention`), use a word for a mapping (`position: learned`), and leave out
what its parent has: a spec that extends another has the schema's forms that end in `.changes`.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from compiler.spec.inherit import HANDED_DOWN, places_of
from compiler.spec.mixer import MIXERS
from compiler.spec.shorthand import PLACES as SHORT_FORMS
from compiler.spec.spec import Spec
from compiler.spec.tasks import EVERY_STACK

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECTIONS: dict[tuple[str, ...], str] = {
    (): "Spec",
    ("model",): "Model",
    ("model", "embedding"): "Embedding",
    **{("model", stack): "Stack" for stack in EVERY_STACK},
    **{("model", stack, "layers"): "LayerGroup" for stack in EVERY_STACK},
    ("data",): "Data",
    ("training",): "Training",
}
KINDS = {
    **dict.fromkeys(("attention", "self_attention", "cross_attention"), "Attention"),
    **{"norm": "Norm", "feed_forward": "FeedForward"},
    **{name: mixer.__name__ for name, mixer in MIXERS.items()},
}
"""Sections that may be handed down; other settings are those of layers or of a stack."""

CHANGES = ".changes"

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema of a spec's file."""
    whole = _untitled(Spec.model_json_schema())
    sections: Schema = whole.pop("$defs")
    sections["Spec"] = whole
    _hand_down(sections)
    _allow_words(sections)
    changes = {f"{name}{CHANGES}": _as_changes(section) for name, section in sections.items()}
    extends = {
        "type": "string",
        "description": "the spec to start from: a path, or a name of the library",
        "examples": ["transformer-base", "../parent.yaml"],
    }
    root = changes[f"Spec{CHANGES}"]
    root["properties"] = {"extends": extends, **root["properties"]}
    root["required"] = ["extends", "name"]
    return {
        "$schema": DIALECT,
        "title": "A spec of specformer",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/Spec{CHANGES}"},
        "else": {"$ref": "#/$defs/Spec"},
        "$defs": sections | changes,
    }


def _untitled(schema: Any) -> Any:
    """Return a schema without the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _untitled(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }


def _hand_down(sections: Schema) -> None:
    """Adds the places that others inherit from; what may be inherited is not required."""
    own = {**sections["Stack"]["properties"], **sections["LayerGroup"]["properties"]}
    own["position"] = sections["Stack"]["properties"]["position"]
    for path, keys in HANDED_DOWN.items():
        section = sections[SECTIONS[path]]
        for key in keys:
            kind = KINDS.get(key)
            section["properties"][key] = {"$ref": f"#/$defs/{kind}"} if kind else deepcopy(own[key])
    for name in ("LayerGroup", *set(KINDS.values())):
        sections[name].pop("required", None)
    layers = sections["Stack"]["properties"]["layers"]
    groups = {key: layers.pop(key) for key in ("items", "minItems", "type")}
    number = sections["LayerGroup"]["properties"]["repeat"]
    bounds = {key: number[key] for key in ("type", "minimum", "maximum")}
    layers["anyOf"] = [bounds, groups]
    sections["Model"]["allOf"] = list(_somewhere())


def _somewhere() -> Iterator[Schema]:
    """Yield conditions: what may be inherited must stand at one of the places that hand it down.

    The compiler decides where a block is written or layers are of several kinds, and whether a
    decoder has cross-attention, which depends on the task.
    """
    for stack in EVERY_STACK:
        kinds = {"properties": {stack: {"properties": {"layers": {"type": "array"}}}}}
        others = [{"not": {"required": [stack]}}, _has(stack, "block"), kinds | _has(stack)]
        for section, key in (("self_attention", "heads"), ("feed_forward", "d_ff")):
            above = (path[1:] for path in places_of(stack, section) if "layers" not in path)
            yield {"anyOf": [*(_has(*path, key) for path in above), *others]}


def _has(key: str, *below: str) -> Schema:
    """A mapping with a key at this path."""
    return {"required": [key]} | ({"properties": {key: _has(*below)}} if below else {})


def _allow_words(sections: Schema) -> None:
    """A mapping that is told by its kind alone can be written as that word."""
    for name, key in dict.fromkeys((SECTIONS[path[:-1]], path[-1]) for path in SHORT_FORMS):
        value = sections[name]["properties"][key]
        value.pop("discriminator", None)
        form = {each: value.pop(each) for each in ("$ref", "oneOf") if each in value}
        others: list[Schema] = []
        if not form:  # a section that may be left out
            form, *others = value.pop("anyOf")
        if "oneOf" in form:  # what names no kind may have several forms
            form = {"anyOf": form["oneOf"]}
        kinds = [kind for each in form.get("anyOf", [form]) for kind in _kinds(sections, each)]
        value["anyOf"] = [{"enum": kinds}, form, *others]
        if "$ref" in form:
            value.setdefault("description", _section(sections, form)["description"])


def _kinds(sections: Schema, reference: Schema) -> list[str]:
    """The kinds that a section is the form of."""
    kind = _section(sections, reference)["properties"]["kind"]
    return kind["enum"] if "enum" in kind else [kind["const"]]


def _section(sections: Schema, reference: Schema) -> Schema:
    section: Schema = sections[reference["$ref"].rpartition("/")[2]]
    return section


def _as_changes(section: Schema) -> Schema:
    """The section where a parent has the rest: nothing is required, and null removes a key."""
    changed: Schema = _renamed(deepcopy(section))
    for key in ("required", "allOf"):
        changed.pop(key, None)
    for name, value in changed.get("properties", {}).items():
        about = {key: value.pop(key) for key in ("description", "unit", "examples") if key in value}
        changed["properties"][name] = {**about, "anyOf": [value, {"type": "null"}]}
    return changed


def _renamed(schema: Any) -> Any:
    """The schema with references to changes; without required kinds, several forms may fit."""
    if isinstance(schema, list):
        return [_renamed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {}
    for key, value in schema.items():
        if key == "$ref":
            renamed[key] = value + CHANGES
        elif key not in ("default", "discriminator"):
            renamed["anyOf" if key == "oneOf" else key] = _renamed(value)
    return renamed
