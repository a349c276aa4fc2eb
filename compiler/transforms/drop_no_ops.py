"""Removes what does nothing, such as dropout at rate 0."""

from dataclasses import replace

from compiler.ir.block import Block, Function, Statement
from compiler.ops.op import Op
from compiler.transforms.rewrite import bottom_up


def drop_no_ops(model: Block) -> Block:
    """Return the model without them; what read their result reads their input."""
    return bottom_up(model, lambda block: replace(block, functions=_functions(block)))


def _functions(block: Block) -> tuple[Function, ...]:
    return tuple(_function(function) for function in block.functions)


def _function(function: Function) -> Function:
    stands_for: dict[str, str] = {}
    body: list[Statement] = []
    for statement in function.body:
        inputs = tuple(stands_for.get(each, each) for each in statement.inputs)
        if isinstance(statement.op, Op) and statement.op.is_identity:
            stands_for[statement.results[0]] = inputs[0]
        else:
            body.append(replace(statement, inputs=inputs))
    outputs = tuple(stands_for.get(each, each) for each in function.outputs)
    return replace(function, body=tuple(body), outputs=outputs)
