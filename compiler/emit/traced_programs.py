"""Programs that stand for functions of `model.py` where these have no graph for all lengths."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.analysis.infer_shapes import output_shapes
from compiler.emit.module_program import ModuleProgram
from compiler.emit.naming import collect, snake
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, walk
from compiler.ops.expression import Call, Expression, Name, Str, call
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
class Program(ModuleProgram):
    """A function of `functional.py`, which calls those in its table of `changed` ones."""

    changed: Changed

    def lines(self) -> Iterator[str]:
        """Yield the lines of the function."""
        yield from self.head(program_name(self.block, self.function.name))
        yield from self.body()

    def about(self) -> list[str]:
        """Return the paragraphs of the docstring: what it stands for, the shapes, the result."""
        note = f"Compute `{self.block.name}.{self.function.name}`."
        if self.function.annotation != "Tensor":
            return [note]
        inputs = self.function.inputs
        given = self.shapes([each for each in inputs if each.shape and each.name[0] != "_"])
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
