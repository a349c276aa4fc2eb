"""Programs that stand for functions of `model.py` where these have no graph for all lengths."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.analysis.infer_shapes import output_shapes
from compiler.emit.body import body_lines
from compiler.emit.layout import docstring, signature
from compiler.emit.naming import Numbers, collect, snake
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, walk
from compiler.ops.expression import Call, Expression, Hyperparameter, Name, Str, call
from compiler.ops.op import Op, Predicate
from compiler.ops.shape import words
from compiler.transforms.derive_functional import Changed, changed_functions


def programs_of(model: Block, functional: Block, names: Iterable[str]) -> list["Program"]:
    """Return a program for each changed function that the functions of these names reach."""
    changed, numbers = changed_functions(model, functional), collect(model)
    found: dict[tuple[str, str], Program] = {}

    def visit(block: Block, whole: Block, name: str) -> None:
        key = (block.name, name)
        if key not in changed or key in found:
            return
        function, holder = block.function(name), "model" if whole is model else "module"
        found[key] = Program(
            block=block,
            whole=whole,
            function=function,
            holder=holder,
            numbers=numbers,
            changed=changed,
        )
        for statement in function.body:
            if isinstance(statement.op, Invoke):
                visit(callee(block, statement), callee(whole, statement), statement.op.function)

    for name in names:
        visit(functional, model, name)
    return list(found.values())


def in_table(functional: Block, programs: list["Program"]) -> list[tuple[str, str, str]]:
    """Return the programs of layers that callers look up by their classes."""
    mixed = {name for _, block in walk(functional) for name in _looked_up(block)}
    return [
        (each.block.name, each.function.name, program_name(each.block, each.function.name))
        for each in programs
        if each.block.name in mixed
    ]


def layers_in_turn(programs: list["Program"]) -> list[Repeat]:
    """Return the repetitions whose layers take turns in the loops of programs."""
    parts = (part for each in programs for _, part in each.block.parts)
    return [part for part in parts if isinstance(part, Repeat) and part.distinct]


def annotations_of(programs: list["Program"]) -> set[str]:
    """Return the names of the classes in the signatures of programs."""
    written = [
        text
        for one in programs
        for text in (one.function.annotation, *(each.annotation for each in one.function.inputs))
    ]
    return {name for text in written for name in re.findall(r"[A-Z]\w*", text)} - {"Tensor"}


def predicates_of(function: Function) -> Iterator[Predicate]:
    """Yield the masks that the code of a function calls."""
    for statement in function.body:
        if isinstance(statement.op, Op):
            yield from statement.op.predicates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A function of the file. It computes `function` of `block`, which it calls `holder`.

    `whole` is the block as `model.py` has it, with the numbers that its class takes.
    """

    block: Block
    whole: Block
    function: Function
    holder: str
    numbers: Numbers
    changed: Changed

    def lines(self) -> Iterator[str]:
        """Yield the lines of the function."""
        declared = [
            f"{self.holder}: {self.block.name}",
            *(f"{each.name}: {each.annotation}" for each in self.function.inputs),
        ]
        name = program_name(self.block, self.function.name)
        yield from signature(name, declared, self.function.annotation, 0)
        yield from docstring(self.about(), 1)
        yield from body_lines(
            self.block, self.function, self.name_of, 1, Name(self.holder), program=self.called
        )

    def about(self) -> list[str]:
        """Return the paragraphs of the docstring: what it stands for, the shapes, the result."""
        note = f"Compute `{self.block.name}.{self.function.name}`."
        if self.function.annotation != "Tensor":
            return [note]
        given = ", ".join(
            f"{each.name} {words(each.shape, self.shown)}"
            for each in self.function.inputs
            if each.shape and not each.name.startswith("_")
        )
        (result,) = output_shapes(self.block, self.function)
        return [note, f"{given} -> {words(result, self.shown)}"]

    def called(
        self, statement: Statement, held: Expression, inputs: tuple[Expression, ...]
    ) -> Call | None:
        """Return the call of the program of a block, if it has one."""
        assert isinstance(statement.op, Invoke)
        function, below = statement.op.function, callee(self.block, statement)
        if (below.name, function) not in self.changed:
            return None
        program: Expression = Name(program_name(below, function))
        if below.name in _looked_up(self.block):
            program = call("program_for", held, Str(function))
        return Call(program, (held, *inputs))

    def name_of(self, number: Hyperparameter) -> str:
        """Return the name of a number in the code of the function."""
        return self.numbers.name(number, self.whole, f"{self.holder}.")

    def shown(self, number: Hyperparameter) -> str:
        """Return the name of a number in a docstring."""
        return self.name_of(number).removeprefix(f"{self.holder}.")


def program_name(block: Block, function: str) -> str:
    """Return the name of the program that stands for a function of a block's class."""
    name = snake(block.name)
    return name if function == "forward" else f"{name}_{function}"


def _looked_up(block: Block) -> set[str]:
    """Return the names of the classes of layers whose class a caller does not know by itself.

    They share a list with layers of another class, or the list tells no type checker what it holds.
    """
    repeats = [part for _, part in block.parts if isinstance(part, Repeat)]
    kinds = [{each.block.name for each in repeats if each.holder == one.holder} for one in repeats]
    return {
        one.block.name
        for one, several in zip(repeats, kinds, strict=True)
        if (one.holder and len(several) > 1) or not one.block.has("step")
    }
