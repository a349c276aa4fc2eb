"""The body of a function as lines of Python."""

import re

from compiler.emit.layout import NameOf, lay, lay_loop, lay_results
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, shown
from compiler.ops.decoding import Field
from compiler.ops.expression import Attribute, Call, Comprehension, Const, Expression, Name, call
from compiler.ops.op import Op

SELF = Name("self")
STATES = ("state", "states", "cache")
"""What a step calls what it keeps."""


def body_lines(
    block: Block, function: Function, name_of: NameOf, depth: int, holder: Name = SELF
) -> list[str]:
    """The statements; values without a name stand inside the expression that uses them.

    `holder` is what the function calls the block: a method calls it `self`.
    """
    return _Writer(block, function, name_of, depth, holder).lines()


class _Writer:
    """Writes one function, statement by statement."""

    def __init__(
        self, block: Block, function: Function, name_of: NameOf, depth: int, holder: Name
    ) -> None:
        self.block, self.function, self.holder = block, function, holder
        self.name_of, self.depth = name_of, depth
        self.values: dict[str, Expression] = {
            each.name: Name(each.name) for each in function.inputs
        }

    def lines(self) -> list[str]:
        lines: list[str] = []
        for statement in self.function.body:
            lines += self.statement(statement)
        results = [self.values[each] for each in self.function.outputs]
        return [*lines, *lay_results(results, self.name_of, self.depth)]

    def statement(self, statement: Statement) -> list[str]:
        if isinstance(statement.op, Invoke) and self.loops(statement):
            return self.loop(statement, statement.op.function)
        expression = self.expression(statement)
        if self.inlined(statement):
            self.values[statement.results[0]] = expression
            return []
        names = [shown(each) for each in statement.results]
        self.values.update(zip(statement.results, map(Name, names), strict=True))
        left = ", ".join(names)
        if isinstance(statement.op, Op) and statement.op.returns_list and len(names) == 1:
            left = f"({left},)"
        return lay(f"{left} = " if names else "", expression, self.name_of, self.depth)

    def inlined(self, statement: Statement) -> bool:
        if len(statement.results) != 1 or (
            isinstance(statement.op, Op) and statement.op.returns_list
        ):
            return False
        (result,) = statement.results
        last = statement is self.function.body[-1] and self.function.outputs == statement.results
        return shown(result) == "_" or isinstance(statement.op, Field) or last

    def expression(self, statement: Statement) -> Expression:
        inputs = tuple(self.values[each] for each in statement.inputs)
        held = Attribute(self.holder, statement.part) if statement.part else self.holder
        if not isinstance(statement.op, Invoke):
            return statement.op.code(held, inputs)
        if self.repeats(statement):
            element = Call(Attribute(Name("layer"), statement.op.function), inputs)
            return Comprehension(element, "layer", self.in_turn(statement))
        return _call(held, statement.op.function, inputs)

    def repeats(self, statement: Statement) -> bool:
        return bool(statement.part) and isinstance(self.block.part(statement.part), Repeat)

    def loops(self, statement: Statement) -> bool:
        starts = isinstance(statement.op, Invoke) and statement.op.function == "start"
        return self.repeats(statement) and not starts

    def loop(self, statement: Statement, function: str) -> list[str]:
        """`for layer in self.layers: x = layer(x, ...)`."""
        (result,), held = statement.results, self.in_turn(statement)
        inputs = tuple(self.values[each] for each in statement.inputs)
        assert inputs[0] == Name(shown(result)), "a loop carries its first input"
        self.values[result] = inputs[0]
        variables, over = "layer", held
        place = self.place_of_states(statement, function)
        if place is not None:
            states = inputs[place]
            kept = state_of(states.name if isinstance(states, Attribute) else "")
            variables, over = f"layer, {kept}", call("zip", held, states, strict=Const(True))
            inputs = (*inputs[:place], Name(kept), *inputs[place + 1 :])
        head = lay_loop(variables, over, self.name_of, self.depth)
        step = _call(Name("layer"), function, inputs)
        return [*head, *lay(f"{shown(result)} = ", step, self.name_of, self.depth + 1)]

    def in_turn(self, statement: Statement) -> Expression:
        """The layers in the order in which they are applied."""
        held, part = Attribute(self.holder, statement.part), self.block.part(statement.part)
        assert isinstance(part, Repeat)
        return call("islice", call("cycle", held), part.count) if part.distinct else held

    def place_of_states(self, statement: Statement, function: str) -> int | None:
        """Which input is a list that holds something for each layer: the state of its step."""
        names = [each.name for each in callee(self.block, statement).function(function).inputs]
        return next((names.index(name) for name in STATES if name in names), None)


def state_of(field: str) -> str:
    """What one of the states in a list is called: of `layers_5_6` it is `state_5_6`."""
    return "state" + "".join(f"_{number}" for number in re.findall(r"\d+", field))


def _call(held: Expression, function: str, inputs: tuple[Expression, ...]) -> Call:
    called = held if function == "forward" else Attribute(held, function)
    return Call(called, inputs)
