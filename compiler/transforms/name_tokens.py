"""Calls the one stream of a language model `tokens`, as it is no target of a source."""

from dataclasses import replace

from compiler.ir.block import Block, Function, Input, Statement, shown, walk
from compiler.ops.shape import TARGET, Free, Shape
from compiler.transforms.rewrite import bottom_up

POSITION = Free("position")


def name_tokens(model: Block) -> Block:
    """Return the model, `target` renamed if it is all that is read; generated code has this name.

    What is made of it, as `target_mask`, has a name without it, and its dimension is `position`.
    """
    if [each.name for each in model.function("features").inputs] != ["target"]:
        return model
    names = {each for _, block in walk(model) for one in block.functions for each in _names(one)}
    return bottom_up(model, _Renaming({each: _renamed(each, names) for each in names}).block)


def _names(function: Function) -> set[str]:
    """Return the names of a function's values in the generated code."""
    values = [each for one in function.body for each in (*one.inputs, *one.results)]
    return {*map(shown, values), *(each.name for each in function.inputs)}


def _renamed(name: str, names: set[str]) -> str:
    if name in ("target", "_target"):
        return name.replace("target", "tokens")
    short = name.removeprefix("target_")
    return name if short in names else short


class _Renaming:
    """New names for the values of functions, and for the dimension of the target."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def block(self, block: Block) -> Block:
        """Return the block with functions of other names."""
        return replace(block, functions=tuple(map(self.function, block.functions)))

    def function(self, function: Function) -> Function:
        """Return the function with other names."""
        return replace(
            function,
            inputs=tuple(map(self.input, function.inputs)),
            body=tuple(map(self.statement, function.body)),
            outputs=self.values(function.outputs),
        )

    def input(self, given: Input) -> Input:
        """Return the parameter with another name."""
        return replace(given, name=self.names[given.name], shape=_shape(given.shape))

    def statement(self, statement: Statement) -> Statement:
        """Return the statement with other names."""
        inputs, results = self.values(statement.inputs), self.values(statement.results)
        return replace(statement, inputs=inputs, results=results)

    def values(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Return values with other names, each with its number."""
        parts = (each.partition(".") for each in values)
        return tuple(f"{self.names.get(name, name)}{dot}{no}" for name, dot, no in parts)


def _shape(shape: Shape) -> Shape:
    return tuple(POSITION if each == TARGET else each for each in shape)
