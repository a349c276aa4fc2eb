"""The body of a function as lines of Python."""

from collections.abc import Callable
from itertools import zip_longest

from compiler.emit.layout import NameOf, lay, lay_loop, lay_results
from compiler.emit.marks import marked
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, shown
from compiler.ir.causes import Paths, causes_of, united
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Comprehension,
    Const,
    Expression,
    List,
    Name,
    Slice,
    Starred,
    Subscript,
    call,
)
from compiler.ops.op import Op
from compiler.transforms.partition import STATES

SELF = Name("self")
Program = Callable[[Statement, Expression, tuple[Expression, ...]], Call | None]
"""A statement that calls a block, the block and the inputs as expressions -> the call."""


def body_lines(
    block: Block,
    function: Function,
    name_of: NameOf,
    depth: int,
    holder: Name = SELF,
    program: Program = lambda *_: None,
) -> list[str]:
    """The statements; values without a name stand inside the expression that uses them.

    `holder` is what the function calls the block: a method calls it `self`. `program` writes calls
    of blocks that are no calls of methods.
    """
    return _Writer(block, function, name_of, depth, holder, program).lines()


class _Writer:
    """Writes one function, statement by statement."""

    def __init__(
        self,
        block: Block,
        function: Function,
        name_of: NameOf,
        depth: int,
        holder: Name,
        program: Program,
    ) -> None:
        self.block, self.function, self.holder = block, function, holder
        self.name_of, self.depth, self.program = name_of, depth, program
        self.values: dict[str, Expression] = {
            each.name: Name(each.name) for each in function.inputs
        }
        self.causes: dict[str, Paths] = {}

    def lines(self) -> list[str]:
        lines: list[str] = []
        for statement, after in zip_longest(self.function.body, self.function.body[1:]):
            causes = self.causes_of(statement)
            laid = self.statement(statement, after)
            lines += marked(laid, causes)
            if causes and (not laid or statement.results == self.function.outputs):
                self.causes.update(dict.fromkeys(statement.results, causes))
        results = [self.values[each] for each in self.function.outputs]
        causes = united(self.causes.get(each, ()) for each in self.function.outputs)
        causes = causes or causes_of(self.block.origin)
        return [*lines, *marked(lay_results(results, self.name_of, self.depth), causes)]

    def causes_of(self, statement: Statement) -> Paths:
        """Return the settings that a statement comes from, with those of what stands inside it."""
        own = causes_of(statement.origin)
        inlined = (self.causes.get(each, ()) for each in statement.inputs)
        return united([own, *inlined]) if own else ()

    def statement(self, statement: Statement, after: Statement | None) -> list[str]:
        if isinstance(statement.op, Invoke) and self.loops(statement):
            return self.loop(statement, statement.op.function)
        expression = self.expression(statement)
        if self.inlined(statement) or (after is not None and self.is_summand(statement, after)):
            self.values[statement.results[0]] = expression
            return []
        names = [shown(each) for each in statement.results]
        self.values.update(zip(statement.results, map(Name, names), strict=True))
        left = ", ".join(names)
        if isinstance(statement.op, Op) and statement.op.returns_list and len(names) == 1:
            left = f"({left},)"
        return lay(f"{left} = " if names else "", expression, self.name_of, self.depth)

    def inlined(self, statement: Statement) -> bool:
        op = statement.op if isinstance(statement.op, Op) else None
        if len(statement.results) != 1 or (op and op.returns_list):
            return False
        (result,) = statement.results
        last = statement is self.function.body[-1] and self.function.outputs == statement.results
        return shown(result) == "_" or bool(op and op.is_inline) or last

    def is_summand(self, statement: Statement, after: Statement) -> bool:
        """Return whether the result of a call is only added to something, by the next statement."""
        reads = [value for each in self.function.body for value in each.inputs]
        if not isinstance(statement.op, Invoke) or isinstance(after.op, Invoke):
            return False
        (result,) = statement.results
        if reads.count(result) != 1 or after.inputs[1:] != (result,):
            return False
        code = after.op.code(self.holder, tuple(map(Name, map(shown, after.inputs))))
        return isinstance(code, Binary) and code.operator == "+"

    def expression(self, statement: Statement) -> Expression:
        inputs = tuple(self.values[each] for each in statement.inputs)
        held = Attribute(self.holder, statement.part) if statement.part else self.holder
        if not isinstance(statement.op, Invoke):
            return statement.op.code(held, inputs)
        if self.repeats(statement):
            element = Call(Attribute(Name("layer"), statement.op.function), inputs)
            return Comprehension(element, "layer", self.in_turn(statement))
        return self.call(held, statement, inputs)

    def call(self, held: Expression, statement: Statement, inputs: tuple[Expression, ...]) -> Call:
        """Return the call of a block, as of a module, a method or a function of the file."""
        if program := self.program(statement, held, inputs):
            return program
        assert isinstance(statement.op, Invoke)
        function = statement.op.function
        return Call(held if function == "forward" else Attribute(held, function), inputs)

    def repeats(self, statement: Statement) -> bool:
        return bool(statement.part) and isinstance(self.block.part(statement.part), Repeat)

    def loops(self, statement: Statement) -> bool:
        starts = isinstance(statement.op, Invoke) and statement.op.function == "start"
        return self.repeats(statement) and not starts

    def loop(self, statement: Statement, function: str) -> list[str]:
        """`for layer in self.layers: x = layer(x, ...)`.

        The first of several repetitions in a list stands for them all.
        """
        if self.repetition(statement).first:
            self.values[statement.results[0]] = self.values[statement.inputs[0]]
            return []
        (result,), held = statement.results, self.in_turn(statement)
        inputs = tuple(self.values[each] for each in statement.inputs)
        assert inputs[0] == Name(shown(result)), "a loop carries its first input"
        self.values[result] = inputs[0]
        variables, over = "layer", held
        place = self.place_of_states(statement, function)
        if place is not None:
            states = inputs[place]
            variables, over = "layer, state", call("zip", held, states, strict=Const(True))
            inputs = (*inputs[:place], Name("state"), *inputs[place + 1 :])
        head = lay_loop(variables, over, self.name_of, self.depth)
        step = self.call(Name("layer"), statement, inputs)
        return [*head, *lay(f"{shown(result)} = ", step, self.name_of, self.depth + 1)]

    def in_turn(self, statement: Statement) -> Expression:
        """The layers in the order in which they are applied."""
        part = self.repetition(statement)
        held = Attribute(self.holder, part.holder or statement.part)
        repeats = [each for _, each in self.block.parts if isinstance(each, Repeat)]
        group = [each for each in repeats if each.holder == part.holder]
        if not any(each.distinct for each in group):
            return held
        if not part.holder:
            return call("islice", call("cycle", held), part.count)
        return List(tuple(Starred(_in_turn(call("list", held), each)) for each in group))

    def repetition(self, statement: Statement) -> Repeat:
        """The blocks that a statement calls one after the other."""
        part = self.block.part(statement.part)
        assert isinstance(part, Repeat)
        return part

    def place_of_states(self, statement: Statement, function: str) -> int | None:
        """Return the place of the input that lists the states of the layers, if there is one."""
        names = [each.name for each in callee(self.block, statement).function(function).inputs]
        return next((names.index(name) for name in STATES if name in names), None)


def _in_turn(layers: Expression, part: Repeat) -> Expression:
    """The layers of one repetition out of a list, in the order in which they are applied."""
    own = Subscript(layers, (Slice(Const(part.places.start), Const(part.places.stop)),))
    return (
        call("islice", call("cycle", own), Const(int(part.count.value))) if part.distinct else own
    )
