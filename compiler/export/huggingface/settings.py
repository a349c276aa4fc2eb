"""The settings of a network by their places in a complete spec, and how two networks differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import Any

from pydantic import BaseModel

from compiler.spec.attention import Attention
from compiler.spec.model import LayerGroup, Model
from compiler.spec.spec import Spec

IN_TRAINING = {"dropout", "stochastic_depth", "initialization", "balance_loss"}
OTHERWISE = {"repeat", "kernel", "documents", "layers", "encoder", "decoder"}
"""Settings that say nothing of what a layer computes, or that are walked through."""
NORMALIZE = "feed_forward.experts.normalize"
CLOSE = 1e-6
"""Factors that differ by less, as a share, are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A setting: `key` names it by the number of the layer, `path` by the group of layers."""

    key: str
    path: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that a network has, and another one has not."""

    path: str
    ours: object
    theirs: object


def look_up(spec: Spec, path: str) -> Any:
    """Return the setting that a dotted key of a written spec means in a complete one.

    Of what stacks and layers inherit it is that of the first stack, or of the stack that the key
    names, and of its first layer. None where there is none.
    """
    model, steps = spec.model, path.split(".")
    if steps[0] != "model":
        return _below(spec, steps)
    stacks = dict(model.stacks())
    name = steps[1] if steps[1] in stacks else next(iter(stacks))
    rest = steps[2:] if steps[1] in ("encoder", "decoder") else steps[1:]
    if steps[1] in ("encoder", "decoder") and steps[1] not in stacks:
        return None
    stack, group = stacks[name], stacks[name].layers[0]
    match rest:
        case ["layers"]:
            return sum(each.repeat for each in stack.layers)
        case ["attention", *below]:
            return _below(group.self_attention, below)
        case ["embedding", "position", *below]:
            position = group.position if stack.position.kind == "none" else stack.position
            return _below(position, below)
        case ["feed_forward" | "position" as key, *below]:
            return _below(group, [key, *below])
        case ["norm", *below]:
            return _below(stack.norm, below)
        case _:
            return _below(spec, steps)


def _below(section: Any, steps: list[str]) -> Any:
    for step in steps:
        section = getattr(section, step, None)
    return section


def differences(ours: Spec, theirs: Spec) -> list[Difference]:
    """Return the settings of a network that another one, of as many layers, has not.

    What matters in training alone is left out.
    """
    others = {each.key: each for each in _leaves(theirs)}
    own = {each.key: each for each in _leaves(ours)}
    found = []
    for key, leaf in own.items():
        value = others[key].value if key in others else None
        if not _same(leaf.value, value):
            found.append(Difference(path=leaf.path, ours=leaf.value, theirs=value))
    for key, leaf in others.items():
        if key not in own and not _same(leaf.value, None):
            found.append(Difference(path=_deepest(key, own), ours=None, theirs=leaf.value))
    return list({each.path: each for each in found}.values())


def _deepest(key: str, own: dict[str, Leaf]) -> str:
    """Return the path of the section of ours that lacks a setting of theirs."""
    steps = key.split(".")
    while steps:
        steps.pop()
        prefix = ".".join(steps)
        near = next((leaf for name, leaf in own.items() if name.startswith(f"{prefix}.")), None)
        if near is not None:
            return ".".join(near.path.split(".")[: len(steps)])
    return "model"


def _same(one: object, other: object) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        if isinstance(one, bool) or isinstance(other, bool):
            return one == other
        return isclose(one, other, rel_tol=CLOSE)
    empty = (None, False)
    return one == other or (one in empty and other in empty)


def _leaves(spec: Spec) -> Iterator[Leaf]:
    model = spec.model
    for path, value in _of_section(model, "model"):
        if path.startswith("model.vocabulary.") and path != "model.vocabulary.shared":
            continue  # the number of rows is that of the exported vocabulary
        if not _is_unused(model, path):
            yield Leaf(key=path, path=path, value=_plain(model, path, value))
    for name, stack in model.stacks():
        holder = f"model.{name}"
        yield Leaf(key=f"{holder}.d_model", path=f"{holder}.d_model", value=model.width(name))
        for path, value in _of_section(stack, holder):
            if path != f"{holder}.d_model":
                yield Leaf(key=path, path=path, value=value)
        number = 0
        for place, group in enumerate(stack.layers):
            for _ in range(group.repeat):
                for below, value in _of_group(group):
                    key = f"{holder}.layers.{number}.{below}"
                    yield Leaf(key=key, path=f"{holder}.layers.{place}.{below}", value=value)
                number += 1


def _of_section(section: BaseModel, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a section and of those in it."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if name in IN_TRAINING | OTHERWISE:
            continue
        if isinstance(value, BaseModel):
            yield from _of_section(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


def _of_group(group: LayerGroup) -> Iterator[tuple[str, Any]]:
    for path, value in _of_section(group, ""):
        name = path.removeprefix(".")
        holder, _, key = name.rpartition(".")
        section = getattr(group, holder, None)
        if key == "scale" and isinstance(section, Attention):
            value = value or (section.d_k or 1) ** -0.5
        if group.feed_forward and name == NORMALIZE:
            value = group.feed_forward.experts and group.feed_forward.experts.is_normalized
        if key == "mask" and not isinstance(value, str):
            value = [each.model_dump() for each in value]
        yield name, value


def _is_unused(model: Model, path: str) -> bool:
    """Return whether a setting of the output has no meaning, as a text has one vector."""
    return model.is_pooled and path in (
        *("model.embedding.tied", "model.output.bias"),
        *("model.output.scale", "model.output.soft_cap"),
    )


def _plain(model: Model, path: str, value: Any) -> Any:
    if path == "model.output.scale" and isinstance(value, str):
        return model.width("decoder" if model.decoder else "encoder") ** -0.5
    if path == "model.embedding.tied" and len(list(model.stacks())) == 1:
        return "none" if value == "none" else "all"
    return value
