"""Conditions that hold for every IR, whatever pass wrote it."""

from compiler.ir.block import Block, Function, Invoke, Statement, callee, shown, walk


class CompilerBug(Exception):
    """The compiler broke its own rules; never the fault of a spec."""


def verify(model: Block, after: str) -> None:
    """Raise `CompilerBug` if a value is used before it is made, made twice, or hidden."""
    try:
        for path, block in walk(model):
            for function in block.functions:
                _verify_function(path, block, function)
    except CompilerBug as bug:
        raise CompilerBug(f"compiler bug after {after}, please report: {bug}") from None


def _verify_function(path: str, block: Block, function: Function) -> None:
    newest = {each.name: each.name for each in function.inputs}
    made = set(newest)
    where = f"{path or block.name}.{function.name}"
    parts = {name for name, _ in block.parts}
    for statement in function.body:
        if statement.part and statement.part not in parts:
            raise CompilerBug(f"{where}: no part {statement.part}")
        _verify_call(where, block, statement)
        for value in statement.inputs:
            if value not in made:
                raise CompilerBug(f"{where}: {value} is used before it is made")
            if (name := shown(value)) != "_" and newest[name] != value:
                raise CompilerBug(f"{where}: {value} is hidden by {newest[name]}")
        for value in statement.results:
            if value in made:
                raise CompilerBug(f"{where}: {value} is made twice")
            made.add(value)
            newest[shown(value)] = value
    for value in function.outputs:
        if value not in made:
            raise CompilerBug(f"{where}: {value} is returned but never made")


def _verify_call(where: str, block: Block, statement: Statement) -> None:
    if not isinstance(statement.op, Invoke):
        return
    below = callee(block, statement)
    if not below.has(statement.op.function):
        raise CompilerBug(f"{where}: no function {statement.op.function}")
    expected = len(below.function(statement.op.function).inputs)
    given = len(statement.inputs)
    if expected != given:
        raise CompilerBug(f"{where}: {statement.part} takes {expected} inputs, got {given}")
