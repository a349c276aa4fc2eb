"""Derives the form of a network whose programs can be recorded as graphs of tensors alone.

An op by whose code a graph would hold for one length only is replaced by one that holds for all;
and the state of decoding, a tree of objects, is described as what it is made of: its tensors.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from compiler.analysis.infer_shapes import shapes_of
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee, walk
from compiler.ops.decoding import Field, JoinStates, MakesState, MakeState, NewMemory
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.op import Op, Stored
from compiler.ops.shape import Shape
from compiler.transforms.rewrite import bottom_up

Changed = frozenset[tuple[str, str]]
"""Functions, each as the name of its class and its own."""


def derive_functional(model: Block) -> Block:
    """Return the model, each op in the form that it has in graphs; one that has none stays."""
    return bottom_up(model, _traced)


def _traced(block: Block) -> Block:
    return replace(block, functions=tuple(map(_traced_function, block.functions)))


def _traced_function(function: Function) -> Function:
    return replace(function, body=tuple(map(_traced_statement, function.body)))


def _traced_statement(statement: Statement) -> Statement:
    if isinstance(statement.op, Invoke):
        return statement
    form = statement.op.traceable()
    return replace(statement, op=form) if isinstance(form, Op) else statement


def changed_functions(model: Block, functional: Block) -> Changed:
    """Return the functions that `derive_functional` changed, and those by which these are called.

    If the function of one layer in a list is among them, so are those of all its layers.
    """
    pairs = [(one, new) for (_, one), (_, new) in zip(walk(model), walk(functional), strict=True)]
    found = {
        (block.name, old.name)
        for block, new in pairs
        for old, made in zip(block.functions, new.functions, strict=True)
        if old.body != made.body
    }
    while more := {each for block, _ in pairs for each in _calling(block, found)} - found:
        found |= more
    return frozenset(found)


def _calling(block: Block, found: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the functions of a block that call some of those that are found, and their like."""
    for function in block.functions:
        for statement in function.body:
            if not isinstance(statement.op, Invoke):
                continue
            called = statement.op.function
            if (callee(block, statement).name, called) in found:
                yield (block.name, function.name)
                yield from ((each.block.name, called) for each in alike(block, statement.part))


def alike(block: Block, part: str) -> list[Repeat]:
    """Return the repetitions that share the list of a part of a block."""
    one = block.part(part) if part else block
    holder = one.holder if isinstance(one, Repeat) else ""
    repeats = (each for _, each in block.parts if isinstance(each, Repeat))
    return [each for each in repeats if holder and each.holder == holder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A tensor of a state that `start` computes and no step changes."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A cache, a memory or an ancestry, an object of the class `name`, and the tensors in it.

    `arguments` make an empty one.
    """

    name: str
    tensors: tuple[Stored, ...]
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object of the class `name` with fields."""

    name: str
    fields: tuple[tuple[str, "StateTree"], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStates:
    """A list of the states of layers: of each kind as many as there are, one after the other."""

    kinds: tuple[tuple[Hyperparameter, "StateTree"], ...]


StateTree = Constant | Holder | Record | LayerStates


def state_tree(block: Block) -> StateTree:
    """Return what the state of a block with decoding programs is made of."""
    return _Reader(block).of(block.function("start").outputs[0])


class _Reader:
    """Reads the state of one block from the functions that make it and change it."""

    def __init__(self, block: Block) -> None:
        self.block, start = block, block.function("start")
        self.shapes = shapes_of(block, start)
        self.made = {value: each for each in start.body for value in each.results}
        self.stored = dict(_stored(block))

    def of(self, value: str, name: str = "") -> StateTree:
        """Return the part of the state that a value of `start` is: its field of this name."""
        made = self.made.get(value)
        if made is not None and isinstance(made.op, Invoke) and made.op.function == "start":
            part = self.block.part(made.part)
            below = state_tree(callee(self.block, made))
            return LayerStates(kinds=((part.count, below),)) if isinstance(part, Repeat) else below
        match made and made.op:
            case JoinStates():
                assert made is not None
                return _joined(self.of(each) for each in made.inputs)
            case MakeState(name=kind):
                assert made is not None
                assert self.block.state is not None
                names = (field for field, _ in self.block.state.fields)
                pairs = zip(names, made.inputs, strict=True)
                fields = tuple((field, self.of(each, field)) for field, each in pairs)
                return Record(name=kind, fields=fields)
            case MakesState():
                assert made is not None
                annotation = self.block.function("start").annotation
                if self.block.state is not None:
                    annotation = dict(self.block.state.fields)[name]
                given = made.op.memory.arguments if isinstance(made.op, NewMemory) else ()
                return Holder(name=annotation, tensors=self.stored[name], arguments=given)
        return Constant(shape=self.shapes[value])


def _joined(lists: Iterable[StateTree]) -> LayerStates:
    """Return lists of the states of layers as one list."""
    kinds = (kind for each in lists if isinstance(each, LayerStates) for kind in each.kinds)
    return LayerStates(kinds=tuple(kinds))


def _stored(block: Block) -> Iterator[tuple[str, tuple[Stored, ...]]]:
    """Yield what each field of the state of a block holds; "" is the state as a whole."""
    step = block.function("step")
    shapes = shapes_of(block, step)
    fields = {each.name: "" for each in step.inputs if not each.shape}
    for statement in step.body:
        if isinstance(statement.op, Field):
            fields[statement.results[0]] = statement.op.name
        elif isinstance(statement.op, Op):
            given = tuple(shapes[each] for each in statement.inputs)
            if stored := statement.op.stored(given):
                yield next(fields[each] for each in statement.inputs if each in fields), stored
