"""Paths and places of settings, for the checks."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from compiler.source.diagnostic import Note
from compiler.source.node import Node, Path, deepest, find, steps_of
from compiler.source.span import Span
from compiler.spec.attention import Attention
from compiler.spec.feed_forward import FeedForward
from compiler.spec.model import LayerGroup
from compiler.spec.spec import Spec


def at(root: Node, *path: str | int) -> Span:
    """Return the place of a setting, or of the deepest one written above it."""
    return deepest(root, path).span


def note(text: str, root: Node, *path: str | int) -> tuple[Note, ...]:
    """The place of a setting that has a part in the mistake; a default has none."""
    node = find(root, path)
    return (Note(span=node.span, text=text),) if node else ()


def as_written(place: Span, path: str, value: object, *, whole: bool = False) -> str:
    """Return how a setting at a dotted path gets a value at a place: by `--set`, or in YAML.

    In YAML it is the line of its section, unless the `whole` path is wanted.
    """
    if place.source.name == "--set":
        return f"`--set {path}={value}`"
    return f"`{path if whole else path.rpartition('.')[2]}: {value}`"


def value_at(spec: Spec, path: str) -> object:
    """Return the value of the setting at a dotted path of a spec; None if there is none."""
    found: object = spec
    for step in steps_of(path):
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and step < len(found) else None
        else:
            found = getattr(found, step, None) if isinstance(found, BaseModel) else None
    return found


def width_path(spec: Spec, stack: str) -> Path:
    """Return the path at which the width of a stack is set: its own, or that of the model."""
    is_own = getattr(spec.model, stack).d_model is not None
    return ("model", stack, "d_model") if is_own else ("model", "d_model")


def attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Yield all attentions of a model with their paths."""
    yield from self_attentions(spec)
    yield from cross_attentions(spec)


def self_attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Yield the attentions in which a stream reads itself, with their paths."""
    return _attentions(spec, "self_attention")


def cross_attentions(spec: Spec) -> Iterator[tuple[Path, Attention]]:
    """Yield the attentions in which the target reads the source, with their paths."""
    return _attentions(spec, "cross_attention")


def groups(spec: Spec) -> Iterator[tuple[Path, LayerGroup]]:
    """Yield all kinds of layers of a model with their paths."""
    for stack, settings in spec.model.stacks():
        for number, group in enumerate(settings.layers):
            yield ("model", stack, "layers", number), group


def masks(found: Iterable[tuple[Path, Attention]]) -> Iterator[tuple[Path, str]]:
    """Yield the masks of attentions with their paths, one for each group of heads."""
    for path, attention in found:
        if isinstance(attention.mask, str):
            yield (*path, "mask"), attention.mask
        else:
            for number, each in enumerate(attention.mask):
                yield (*path, "mask", number, "mask"), each.mask


def feed_forwards(spec: Spec) -> Iterator[tuple[Path, FeedForward]]:
    """Yield all feed-forward networks of a model with their paths."""
    for path, group in groups(spec):
        if group.feed_forward is not None:
            yield (*path, "feed_forward"), group.feed_forward


def _attentions(spec: Spec, place: str) -> Iterator[tuple[Path, Attention]]:
    for path, group in groups(spec):
        if (attention := getattr(group, place)) is not None:
            yield (*path, place), attention
