"""Derives, from the forward pass of each attention, the program that gives its weights."""

from dataclasses import replace

from compiler.ir.block import Block, Function, Statement, walk
from compiler.ir.labels import labelled
from compiler.ops.attention import Attention
from compiler.ops.difference import Difference
from compiler.transforms.rewrite import live

WEIGHTS, MAPS = "_.weights", "_.maps"


def attentions(model: Block) -> dict[str, tuple[Block, tuple[Attention, ...]]]:
    """Return the classes of attention, each with its op, or those of its groups of heads."""
    found: dict[str, tuple[Block, tuple[Attention, ...]]] = {}
    for _, block in walk(model):
        ops = (each.op for each in block.function("forward").body)
        if own := tuple(each for each in ops if isinstance(each, Attention)):
            found[block.name] = (block, own)
    return found


def derive_weights(model: Block) -> dict[str, tuple[Block, Function]]:
    """Return the program of each class of attention: inputs of `forward` -> weights, values."""
    return {name: (block, _program(block)) for name, (block, _) in attentions(model).items()}


def _program(block: Block) -> Function:
    """Return the statements up to the last attention, each replaced by its weights."""
    forward = block.function("forward")
    reads = [each for each in forward.body if isinstance(each.op, Attention)]
    before = forward.body[: forward.body.index(reads[-1])]
    others = [each for each in before if each not in reads]
    made = [_weights(each, each.op) for each in reads if isinstance(each.op, Attention)]
    value = reads[0].inputs[2]
    difference = [each for each in forward.body if isinstance(each.op, Difference)]
    for each in difference:
        made = [
            replace(made[0], results=(MAPS,)),
            replace(each, inputs=(MAPS,), results=(WEIGHTS,)),
        ]
    if len(reads) > 1:
        made, value = _joined(forward, made, value)
    body = live([*others, *made], {WEIGHTS, value})
    return replace(forward, body=tuple(body), outputs=(WEIGHTS, value))


def _joined(forward: Function, made: list[Statement], value: str) -> tuple[list[Statement], str]:
    """Return the weights of all groups of heads, and the values before these are divided."""
    read = tuple(each.results[0] for each in forward.body if isinstance(each.op, Attention))
    join = next(each for each in forward.body if each.inputs == read)
    divide = next(each for each in forward.body if value in each.results)
    parts = tuple(each.results[0] for each in made)
    return [*made, replace(join, results=(WEIGHTS,), inputs=parts)], divide.inputs[0]


def _weights(statement: Statement, op: Attention) -> Statement:
    """Return the weights where the attention was; a group of heads has a label of its own."""
    query, key, _, *masks = statement.inputs
    result = labelled("weights", op.label) if op.label else WEIGHTS
    return replace(statement, results=(result,), op=op.weights(), inputs=(query, key, *masks))
