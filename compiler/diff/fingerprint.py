"""A fingerprint of what a network computes from its parameters: equal ones compute the same.

The forward pass is followed through all blocks, its values named by digests of the op that makes
them, its numbers, its parameters' names and its inputs. What only training does counts for nothing,
nor does the form of an attention, which its mask says better.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Identity, Predicate

IN_TRAINING_ALONE = {"dropout", "initial", "gains", "decays"}
"""Fields of ops that say nothing of what a trained network computes."""


def fingerprint(model: Block) -> str:
    """Return the fingerprint of the whole forward pass."""
    forward = model.function("forward")
    inputs = [each.name for each in forward.inputs]
    return _digest(*_called(model, forward, "", inputs))


def _called(block: Block, function: Function, path: str, inputs: list[str]) -> list[str]:
    """The digests of what a function returns for inputs with these digests."""
    names = (each.name for each in function.inputs)
    values = dict(zip(names, inputs, strict=True))
    for statement in function.body:
        given = [values[each] for each in statement.inputs]
        made = list(_made(block, statement, path, given))
        values.update(zip(statement.results, made, strict=False))
    return [values[each] for each in function.outputs]


def _made(block: Block, statement: Statement, path: str, given: list[str]) -> Iterator[str]:
    here = f"{path}{statement.part}"
    if isinstance(statement.op, Invoke):
        yield from _invoked(block, statement, path, given)
    elif isinstance(statement.op.state((True,) * len(given)), Identity):
        yield given[0]
    else:
        below = block.part(statement.part) if statement.part else None
        own = _of_parts(below, here) if isinstance(below, Repeat | Block) else ""
        op, inputs = statement.op.reference(tuple(given))
        one = _digest(_plain(op), here, own, *inputs)
        yield from (_digest(one, str(number)) for number in range(len(statement.results)))


def _invoked(block: Block, statement: Statement, path: str, given: list[str]) -> list[str]:
    assert isinstance(statement.op, Invoke)
    below, part = callee(block, statement), block.part(statement.part) if statement.part else block
    function = below.function(statement.op.function)
    if not isinstance(part, Repeat):
        inner = f"{path}{statement.part}." if statement.part else path
        return _called(below, function, inner, given)
    for place in part.uses:
        inner = f"{path}{part.holder or statement.part}.{place}."
        made = _called(below, function, inner, given)
        given = [*made, *given[len(made) :]]
    return made


def _of_parts(part: Repeat | Block, here: str) -> str:
    """Return the digest of a network that an op uses in its own way, such as an expert."""
    block = part.block if isinstance(part, Repeat) else part
    function = block.function("forward")
    inputs = [each.name for each in function.inputs]
    return _digest(*_called(block, function, f"{here}.{{}}.", inputs))


def _plain(value: object) -> str:
    """An op with all its numbers, whatever they and its masks are called."""
    if isinstance(value, Hyperparameter):
        return repr(value.value)
    if isinstance(value, Predicate):
        return value.mask.text
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return _numbers(value) if is_dataclass(value) else repr(value)


def _numbers(value: Any) -> str:
    """Return the fields of an op, as far as they say what is computed."""
    names = [e.name for e in fields(value) if e.compare and e.name not in IN_TRAINING_ALONE]
    numbers = (f"{name}={_plain(getattr(value, name))}" for name in names)
    return f"{type(value).__name__}({', '.join(numbers)})"


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
