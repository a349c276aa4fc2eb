"""Find the ops of a network for which it cannot have a form that somebody asks for.

A network may be asked for other forms of its functions: for packed sentences, or as a graph that is
recorded once. An op that has no such form says why.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Function, Invoke, Statement, callee
from compiler.ops.op import Op, Unpackable, Untraceable
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An op that has no form.

    `place` are the attributes that lead to its block, `reason` is a clause, and `span` is the
    setting that the op comes from.
    """

    place: str
    reason: str
    span: Span

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason


def why_not_packed(model: Block) -> Refusal | None:
    """Return why a network cannot compute packed sentences; None if it can.

    `model` may come from any pass that follows lowering and the choice of kernels.
    """

    def reason(statement: Statement, op: Op) -> str:
        form = op.packed(len(statement.inputs))
        return form.reason if isinstance(form, Unpackable) else ""

    return next(_refusals(model, model.function("features"), reason, ""), None)


def why_not_traced(model: Block, function: str) -> Refusal | None:
    """Return why a function of a network has no graph for texts of any length; None if it has."""

    def reason(_: Statement, op: Op) -> str:
        form = op.traceable()
        return form.reason if isinstance(form, Untraceable) else ""

    return next(_refusals(model, model.function(function), reason, ""), None)


def graphs_of(model: Block) -> tuple[str, ...]:
    """Return the functions by which a network is exported: those of decoding, or all at once.

    A network that decodes also has a graph of `prefill`, if that is not refused.
    """
    if not model.has("step"):
        return ("forward",)
    prefill = () if why_not_traced(model, "prefill") else ("prefill",)
    return ("start", "step", *prefill)


def is_traceable(model: Block) -> bool:
    """Return whether all functions by which a network is exported have graphs."""
    return all(why_not_traced(model, each) is None for each in graphs_of(model))


def _refusals(
    block: Block, function: Function, reason_of: Callable[[Statement, Op], str], place: str
) -> Iterator[Refusal]:
    """Yield the ops of a function, and of those that it calls, for which there is a reason."""
    for statement in function.body:
        if isinstance(statement.op, Invoke):
            below = callee(block, statement)
            path = ".".join(filter(None, (place, statement.part)))
            yield from _refusals(below, below.function(statement.op.function), reason_of, path)
        elif reason := reason_of(statement, statement.op):
            yield Refusal(place=place, reason=reason, span=statement.origin)
