"""Decide whether a network can compute packed sentences, and what prevents it."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Function, Invoke, callee
from compiler.ops.op import Unpackable
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPacked:
    """The first op that has no form for packed sentences.

    `place` are the attributes that lead to its block, `reason` is a clause, and `span` is the
    setting that the op comes from.
    """

    place: str
    reason: str
    span: Span

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason


def why_not_packed(model: Block) -> NotPacked | None:
    """Return why a network cannot compute packed sentences; None if it can.

    `model` may come from any pass that follows lowering and the choice of kernels.
    """
    return next(_unpackable(model, model.function("features"), ""), None)


def _unpackable(block: Block, function: Function, place: str) -> Iterator[NotPacked]:
    """Yield the ops of a function, and of those that it calls, that have no packed form."""
    for statement in function.body:
        if isinstance(statement.op, Invoke):
            below = callee(block, statement)
            path = ".".join(filter(None, (place, statement.part)))
            yield from _unpackable(below, below.function(statement.op.function), path)
            continue
        form = statement.op.packed(len(statement.inputs))
        if isinstance(form, Unpackable):
            yield NotPacked(place=place, reason=form.reason, span=statement.origin)
