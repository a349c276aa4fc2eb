"""Removes what does nothing: dropout at rate 0, of values or of attention weights."""

from dataclasses import replace

from compiler.ir.block import Block, Function, Invoke, Statement
from compiler.ops.attention import Attention
from compiler.ops.elementwise import Dropout, StochasticDepth
from compiler.ops.op import Op
from compiler.transforms.rewrite import bottom_up


def drop_no_ops(model: Block) -> Block:
    """The model without them; what read their result reads their input."""
    return bottom_up(model, lambda block: replace(block, functions=_functions(block)))


def _functions(block: Block) -> tuple[Function, ...]:
    return tuple(_function(function) for function in block.functions)


def _function(function: Function) -> Function:
    stands_for: dict[str, str] = {}
    body: list[Statement] = []
    for statement in function.body:
        inputs = tuple(stands_for.get(each, each) for each in statement.inputs)
        if isinstance(statement.op, Dropout | StochasticDepth) and statement.op.rate.value == 0:
            stands_for[statement.results[0]] = inputs[0]
        else:
            body.append(replace(statement, op=_simple(statement.op), inputs=inputs))
    outputs = tuple(stands_for.get(each, each) for each in function.outputs)
    return replace(function, body=tuple(body), outputs=outputs)


def _simple(op: Op | Invoke) -> Op | Invoke:
    if isinstance(op, Attention) and op.dropout is not None and op.dropout.value == 0:
        return replace(op, dropout=None)
    return op
