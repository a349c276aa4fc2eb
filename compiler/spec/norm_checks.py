"""Norms that do not go with the layers of their stack."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node
from compiler.source.span import Span
from compiler.spec.model import Stack
from compiler.spec.paths import at, note
from compiler.spec.spec import Spec


def first_norms(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Only a norm before a sub-layer can be left out of the first one of a stack.

    A setting of both stacks has an effect if it has one in either.
    """
    judged: dict[Span, list[Diagnostic | None]] = {}
    for name, stack in spec.model.stacks():
        if stack.norm.first is None or stack.norm.kind == "none":
            continue
        path, group = ("model", name, "norm"), stack.layers[0]
        found = judged.setdefault(at(root, *path, "first"), [])
        if stack.norm.place in ("pre", "sandwich"):
            found.append(None)
            if stack.norm.first is False and (group.distinct or group.repeat) < group.repeat:
                yield _in_turn(root, name)
            continue
        found.append(
            Diagnostic(
                code="unused-key",
                message="`first` has no effect here: sub-layers read the stream as it is",
                span=at(root, *path, "first"),
                notes=note("decides it", root, *path, "place"),
                help="remove it, or write `place: pre`",
            )
        )
    for each in judged.values():
        if all(each):
            yield from filter(None, each[:1])


def _in_turn(root: Node, stack: str) -> Diagnostic:
    return Diagnostic(
        code="first-in-turn",
        message="the first layer cannot lack a norm: it takes turns with others",
        span=at(root, "model", stack, "norm", "first"),
        notes=note("layers that take turns", root, "model", stack, "layers", 0, "distinct"),
        help="remove it, or give every layer weights of its own",
    )


def joint_norms(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Only sub-layers side by side can have a norm together, before they read."""
    judged: dict[Span, list[str]] = {}
    for name, stack in spec.model.stacks():
        if stack.norm.joint:
            found = judged.setdefault(at(root, "model", name, "norm", "joint"), [])
            found.append(_why_not_joint(stack))
    for span, reasons in judged.items():
        if all(reasons):
            message = f"`joint` has no effect here: {reasons[0]}"
            yield mistake(span, "unused-key", message, _JOINT)


_JOINT = "remove it, or write `block: [[self_attention, feed_forward]]` with `place: pre`"


def streams(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse norms of sums where there are several streams, to which shares are added."""
    for name, stack in spec.model.stacks():
        place = stack.norm.place or "post"
        if stack.residual is not None and stack.norm.kind != "none" and place in ("post", "deep"):
            yield Diagnostic(
                code="several-streams",
                message=f"`place: {place}` normalises the sum of a stream and a sub-layer, and "
                f"there are {stack.residual.streams} streams",
                span=at(root, "model", name, "residual"),
                notes=note("the place of norms", root, "model", name, "norm"),
                help="write `norm: {place: pre}` for the stack",
            )


def _why_not_joint(stack: Stack) -> str:
    """Empty where some sub-layers have one."""
    if not any(isinstance(each, list) for group in stack.layers for each in group.block):
        return "no sub-layers stand side by side"
    is_before = stack.norm.kind != "none" and stack.norm.place in ("pre", "sandwich")
    return "" if is_before else "sub-layers read the stream as it is"


def embedding_norm(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Embeddings have the norm of the stack that reads them."""
    stacks = dict(spec.model.stacks())
    if spec.model.embedding.norm and all(each.norm.kind == "none" for each in stacks.values()):
        yield Diagnostic(
            code="unused-key",
            message="`norm: true` has no effect: norms are of `kind: none`",
            span=at(root, "model", "embedding", "norm"),
            notes=note("decides it", root, "model", *list(stacks)[:1], "norm", "kind"),
            help="remove it, or `kind: none`",
        )
