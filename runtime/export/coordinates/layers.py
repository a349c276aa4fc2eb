"""Layers that take turns, as layers of their own."""

from collections.abc import Iterator

from compiler.export.coordinates import with_model
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.spec import Spec
from runtime.weights.files import Tensors


def with_layers(spec: Spec, stack: str, layers: list[LayerGroup]) -> Spec:
    """Return a spec with other groups of layers in one of its stacks."""
    own: Stack = getattr(spec.model, stack)
    return with_model(spec, **{stack: own.model_copy(update={"layers": layers})})


def numbered(stack: Stack) -> Iterator[tuple[LayerGroup, int]]:
    """Yield the settings of each layer of a stack, in order, and the number of its weights."""
    first = 0
    for group in stack.layers:
        distinct = group.distinct or group.repeat
        yield from ((group, first + number % distinct) for number in range(group.repeat))
        first += distinct


def held(stack: Stack) -> Iterator[tuple[LayerGroup, int]]:
    """Yield the settings and the number of each layer that has weights of its own, in order."""
    done = set[int]()
    for group, number in numbered(stack):
        if number not in done:
            done.add(number)
            yield group, number


def weighted(tensors: Tensors, name: str) -> list[str]:
    """Return the attentions whose names begin so: the second one of a layer has a number there."""
    end = ".output.weight"
    return [key.removesuffix(end) for key in tensors if key.startswith(name) and key.endswith(end)]


def without_turns(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network in which each layer has weights of its own, equal ones in several."""
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        if all(group.distinct is None for group in stack.layers):
            continue
        for key in [key for key in found if key.startswith(f"{name}.layers.")]:
            del found[key]
        for number, (_, own) in enumerate(numbered(stack)):
            prefix = f"{name}.layers.{own}."
            for key in (key for key in tensors if key.startswith(prefix)):
                found[f"{name}.layers.{number}.{key.removeprefix(prefix)}"] = tensors[key]
        groups = [group.model_copy(update={"distinct": None}) for group in stack.layers]
        spec = with_layers(spec, name, groups)
    return spec, found
