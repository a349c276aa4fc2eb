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
    match [step for step in path if isinstance(step, str)]:
        case ["model", stack, below] if stack in EVERY_STACK and below != "position":
            # model.encoder.d_model: encoder.d_model, which other stacks do not share
            own = f"{stack}.{below}"
            return Name(general=own, stack=stack, own=own)
        case ["model", stack, *below] if stack in EVERY_STACK and below:
            # model.decoder.layers.cross_attention.heads: attention.heads of every stack
            own = ".".join((stack, *_own(below, _layers(spec.model, path))))
            return Name(general=".".join(_general(below)), stack=stack, own=own)
        case ["model", section, key, *rest]:  # model.embedding.tied: embedding.tied
            name = ".".join((section, key, *rest))
        case steps:  # training.steps, model.dropout
            name = ".".join(steps)
    return Name(general=name, stack="", own=name)


def _general(below: list[str]) -> list[str]:
    """Return a key of a stack without what tells its place."""
    match below:
        case ["position", *_]:  # encoder.position.layout: embedding.position.layout
            return ["embedding", *below]
        case ["layers", _] | ["layers", "position", *_]:  # layers.dropout, layers.position.base
            return below
        case ["layers", part, *rest] if part in ATTENTIONS:  # layers.self_attention.heads
            return ["attention", *rest]
        case ["layers", *rest]:  # layers.feed_forward.d_ff: feed_forward.d_ff
            return rest
        case _:  # norm.kind
            return below


def _own(below: list[str], layers: str) -> list[str]:
    """Return a key of a stack with its layers, if there are others, and its attention."""
    match below:
        case ["layers", *rest] if layers:  # layers 1-2.dropout
            return [layers, *rest]
        case ["layers", part, key, *rest]:  # layers.cross_attention.heads: cross_attention.heads
            return [part, key, *rest]
        case _:  # layers.dropout, norm.kind
            return below


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
