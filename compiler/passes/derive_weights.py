"""Derives, from the forward pass of each attention, the program that gives its weights."""

from dataclasses import replace

from compiler.ir.block import Block, Function, walk
from compiler.mask.mask import ALL
from compiler.ops.attention import Attention, DenseAttention, FlexAttention
from compiler.ops.weights import AttentionWeights
from compiler.passes.live import live

WEIGHTS = "_.weights"


def attentions(model: Block) -> dict[str, tuple[Block, Attention]]:
    """The classes of attention, each with its op."""
    found: dict[str, tuple[Block, Attention]] = {}
    for _, block in walk(model):
        for statement in block.function("forward").body:
            if isinstance(statement.op, Attention):
                found[block.name] = (block, statement.op)
    return found


def derive_weights(model: Block) -> dict[str, tuple[Block, Function]]:
    """The program of each class of attention: inputs of `forward` -> weights, values."""
    return {name: (block, _program(block, op)) for name, (block, op) in attentions(model).items()}


def _program(block: Block, op: Attention) -> Function:
    forward = block.function("forward")
    statement = next(each for each in forward.body if each.op is op)
    query, key, value, *masks = statement.inputs
    has_blocks = isinstance(op, FlexAttention)
    is_told = has_blocks or isinstance(op, DenseAttention) or op.mask == ALL
    weights = AttentionWeights(
        reads=None if is_told else op.reads,
        scale=op.scale,
        soft_cap=op.soft_cap,
        has_blocks=has_blocks,
    )
    made = replace(statement, results=(WEIGHTS,), op=weights, inputs=(query, key, *masks))
    before = forward.body[: forward.body.index(statement)]
    body = live([*before, made], {WEIGHTS, value})
    return replace(forward, body=tuple(body), outputs=(WEIGHTS, value))
