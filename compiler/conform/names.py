"""The names of settings: the key as it is written, once where several places have one value."""

from collections.abc import Iterable
from dataclasses import dataclass

from compiler.source.node import Path
from compiler.spec.model import Model
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS, EVERY_STACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The name of a setting of one place.

    `general` is the name that it shares with other places: `attention.heads`. `stack` is empty
    outside of stacks, and `own` tells the place: `decoder.cross_attention.heads`.
    """

    general: str
    stack: str
    own: str


def name_of(spec: Spec, path: Path) -> Name:
    """Return the name of the setting at a path of a complete spec."""
    steps = [step for step in path if isinstance(step, str)]
    if steps[0] != "model" or not {*steps[1:2]} & {*EVERY_STACK} or len(steps) == 2:
        key = ".".join(steps[1:] if steps[0] == "model" and len(steps) > 2 else steps)
        return Name(general=key, stack="", own=key)
    _, stack, *below = steps
    if len(below) == 1 and below != ["position"]:
        return Name(general=f"{stack}.{below[0]}", stack=stack, own=f"{stack}.{below[0]}")
    return Name(
        general=".".join(_general(below)),
        stack=stack,
        own=".".join((stack, *_own(below, _layers(spec.model, path)))),
    )


def _general(below: list[str]) -> list[str]:
    """Return a key of a stack without what tells its place."""
    if below[0] == "position":
        return ["embedding", *below]
    if below[0] != "layers" or len(below) == 2 or below[1] == "position":
        return below
    return ["attention" if below[1] in ATTENTIONS else below[1], *below[2:]]


def _own(below: list[str], layers: str) -> list[str]:
    """Return a key of a stack with its layers, if there are others, and its attention."""
    if below[0] != "layers":
        return below
    return [layers, *below[1:]] if layers else below[1:] if below[2:] else below


def _layers(model: Model, path: Path) -> str:
    """Return `layers 1-5` for a group of layers that has others beside it."""
    _, stack, *below = path
    groups = dict(model.stacks())[str(stack)].layers
    if below[0] != "layers" or not isinstance(below[1], int) or len(groups) == 1:
        return ""
    first = 1 + sum(group.repeat for group in groups[: below[1]])
    last = first + groups[below[1]].repeat - 1
    return f"layer {first}" if first == last else f"layers {first}-{last}"


def joint_name(names: Iterable[Name], every: Iterable[Name]) -> str:
    """Return one name for the places that have a value; `every` are those that have the setting."""
    names, every = list(names), list(every)
    general = names[0].general
    if len(names) == len(every):
        return general
    for stack in EVERY_STACK:
        if names == [each for each in every if each.stack == stack]:
            own = dict.fromkeys(each.own for each in names)
            return f"{stack}.{general}" if len(own) > 1 else next(iter(own))
    return ", ".join(each.own for each in names)
