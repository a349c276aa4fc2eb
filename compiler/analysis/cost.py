"""The cost of a model: parameters, floating-point operations, memory."""

from collections.abc import Callable
from math import prod

from compiler.analysis.infer_shapes import bind, shapes_of
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import Parameter
from compiler.ops.shape import Free, Lengths, Shape, elements, size

Choice = Callable[[Parameter], bool]
"""Which parameters count."""


def _all(_: Parameter) -> bool:
    return True


def count_parameters(block: Block, counts: Choice = _all) -> int:
    """Return the number of parameters; tied tables count once."""
    return sum(parameters_of(part, counts) for _, part in block.parts)


def parameters_of(part: Op | Repeat | Block, counts: Choice = _all) -> int:
    """Return the number of parameters of one part."""
    if isinstance(part, Repeat):
        return int(part.held.value) * count_parameters(part.block, counts)
    if isinstance(part, Block):
        return count_parameters(part, counts)
    return sum(elements(each.shape, {}) for each in part.parameters() if counts(each))


def count_hidden_matrices(block: Block) -> int:
    """Return the number of parameters of matrices that map one hidden vector to another."""
    return count_parameters(block, lambda each: each.is_hidden_matrix)


def cost_of(block: Block, function: Function, lengths: Lengths) -> Cost:
    """Return the cost of one call of a function, given the sizes of free dimensions."""
    shapes = shapes_of(block, function)
    total = Cost()
    for statement in function.body:
        total = total + statement_cost(block, statement, shapes, lengths)
    return total


def statement_cost(
    block: Block, statement: Statement, shapes: dict[str, Shape], lengths: Lengths
) -> Cost:
    """Return the cost of one statement; a repeated block counts as often as it is repeated."""
    inputs = tuple(shapes[each] for each in statement.inputs)
    if not isinstance(statement.op, Invoke):
        return statement.op.cost(inputs, lengths)
    below = callee(block, statement)
    inner = call_lengths(below, statement, shapes, lengths)
    cost = cost_of(below, below.function(statement.op.function), inner)
    part = block.part(statement.part) if statement.part else None
    return cost.times(int(part.count.value)) if isinstance(part, Repeat) else cost


def call_lengths(
    below: Block, statement: Statement, shapes: dict[str, Shape], lengths: Lengths
) -> dict[str, int]:
    """Return the sizes of free dimensions inside the block that a statement calls."""
    assert isinstance(statement.op, Invoke)
    declared = tuple(each.shape for each in below.function(statement.op.function).inputs)
    meaning = bind(declared, tuple(shapes[each] for each in statement.inputs))
    return {**lengths, **{free.name: _length(shape, lengths) for free, shape in meaning.items()}}


def _length(shape: Shape, lengths: Lengths) -> int:
    return prod(
        lengths[each.name] if isinstance(each, Free) else size(each, lengths) for each in shape
    )
