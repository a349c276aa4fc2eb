"""Gives layers that share a list the same parameters, so that one loop can call all of them."""

from dataclasses import replace

from compiler.ir.block import Block, Function, Input, Invoke, Repeat, Statement
from compiler.transforms.partition import BEAM_INPUTS, STATES
from compiler.transforms.rewrite import bottom_up

HYPOTHESES = {each.name for each in BEAM_INPUTS}
"""Parameters about hypotheses, which come after the state."""


def align_layers(model: Block) -> Block:
    """Return the model, its layers of several kinds with parameters for what any of them reads."""
    return bottom_up(model, _aligned)


def _aligned(block: Block) -> Block:
    shared = {n: part for n, part in block.parts if isinstance(part, Repeat) and part.holder}
    functions = []
    for outer in block.functions if shared else ():
        calls = [each for each in outer.body if each.part in shared]
        wanted = _wanted(outer, calls, shared)
        made = {each.part: _call(each, shared[each.part], wanted) for each in calls}
        shared |= {name: part for name, (_, part) in made.items()}
        body = (made[each.part][0] if each.part in made else each for each in outer.body)
        functions.append(replace(outer, body=tuple(body)))
    parts = tuple((name, shared.get(name, part)) for name, part in block.parts)
    return replace(block, parts=parts, functions=tuple(functions) or block.functions)


def _wanted(outer: Function, calls: list[Statement], parts: dict[str, Repeat]) -> dict[str, Input]:
    """The parameters that some of the blocks called need, by their values, in the usual order."""
    found = {
        value: each
        for call in calls
        for value, each in zip(call.inputs, _inputs(call, parts[call.part]), strict=True)
    }
    order = [each.name for each in outer.inputs]
    return {name: found[name] for name in order if name in found and name != _carried(calls[0])}


def _inputs(call: Statement, part: Repeat) -> tuple[Input, ...]:
    assert isinstance(call.op, Invoke)
    return part.block.function(call.op.function).inputs


def _carried(call: Statement) -> str:
    """The value that the layers hand on, one to the next, if they do."""
    assert isinstance(call.op, Invoke)
    return "" if call.op.function == "start" else call.inputs[0]


def _call(call: Statement, part: Repeat, wanted: dict[str, Input]) -> tuple[Statement, Repeat]:
    """The call with all that is wanted, and the blocks with parameters for it."""
    assert isinstance(call.op, Invoke)
    own = dict(zip(call.inputs, _inputs(call, part), strict=True))
    first = [value for value in own if value == _carried(call)]
    state = [value for value, each in own.items() if each.name in STATES]
    others = [value for value in wanted if value not in (*first, *state)]
    inputs = (
        *first,
        *(value for value in others if value not in HYPOTHESES),
        *state,
        *(value for value in others if value in HYPOTHESES),
    )
    unread = {value: replace(each, name=f"_{each.name}") for value, each in wanted.items()}
    function = replace(
        part.block.function(call.op.function), inputs=tuple((unread | own)[each] for each in inputs)
    )
    functions = tuple(
        function if each.name == function.name else each for each in part.block.functions
    )
    block = replace(part.block, functions=functions)
    return replace(call, inputs=inputs), replace(part, block=block)
