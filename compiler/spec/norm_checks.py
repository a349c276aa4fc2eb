"""Norms that do not go with the layers of their stack."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node
from compiler.spec.paths import at, note
from compiler.spec.spec import Spec


def first_norms(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Only a norm before a sub-layer can be left out of the first one of a stack."""
    for name, stack in spec.model.stacks():
        if stack.norm.first is None or stack.norm.kind == "none":
            continue
        path, group = ("model", name, "norm"), stack.layers[0]
        if stack.norm.place not in ("pre", "sandwich"):
            yield Diagnostic(
                code="unused-key",
                message="`first` has no effect here: sub-layers read the stream as it is",
                span=at(root, *path, "first"),
                notes=note("decides it", root, *path, "place"),
                help="remove it, or write `place: pre`",
            )
        elif stack.norm.first is False and (group.distinct or group.repeat) < group.repeat:
            yield Diagnostic(
                code="first-in-turn",
                message="the first layer cannot lack a norm: it takes turns with others",
                span=at(root, *path, "first"),
                notes=note("layers that take turns", root, "model", name, "layers", 0, "distinct"),
                help="remove it, or give every layer weights of its own",
            )
