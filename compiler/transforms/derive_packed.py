"""Derives, from the forward pass, the programs that compute it for packed sentences.

Packed sentences stand one after the other, without padding, as if they were one sentence. Blocks by
which no positions meet compute the same for them. Each of the others gets a function `packed`,
which has no masks of padding, and reads in their place where the sentences begin and end.
"""

from dataclasses import dataclass, field, replace

from compiler.analysis.infer_shapes import Shapes, shapes_of
from compiler.ir.block import Block, Function, Input, Invoke, Repeat, Statement, callee, shown
from compiler.ops.expression import Const
from compiler.ops.op import Op, PackedForm
from compiler.ops.packing import OnlyRow, PackedTokens
from compiler.ops.shape import BATCH, Dimension, Shape
from compiler.transforms.align_layers import align_layers
from compiler.transforms.rewrite import bottom_up, change_below, live

PACKED = "packed"
ONE = Const(1)


def derive_packed(model: Block) -> Block:
    """Return the model with its functions for packed sentences: `features`, and what that calls.

    No op of it is `Unpackable`. A block below it has `packed` alone, or, if that would be the same,
    `forward` alone.
    """
    given = [_packed_input(each) for each in model.function("features").inputs]
    streams: dict[Dimension, str] = {}
    for each in given:
        streams.setdefault(each.shape[1], each.name)
    packing = _Packing(streams=streams, given={each.name: each for each in given})
    model = change_below(model, packing.block)
    root = _Root(packing=packing, model=model)
    root.derive("features")
    model = bottom_up(model, lambda block: replace(block, functions=_alone(block), state=None))
    return align_layers(replace(model, functions=tuple(root.functions.values())))


def _packed_input(tokens: Input) -> Input:
    return replace(tokens, shape=(ONE, *tokens.shape[1:]), annotation="Packed")


def _alone(block: Block) -> tuple[Function, ...]:
    """Return the one function of a block that packed sentences need."""
    name = PACKED if block.has(PACKED) else "forward"
    return (block.function(name),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packing:
    """The packed sentences that a model is given, and their names by the dimension of places."""

    streams: dict[Dimension, str]
    given: dict[str, Input]

    def block(self, block: Block) -> Block:
        """Return a block below the model, with a function `packed` if it differs from `forward`."""
        block = _alike_in_a_list(change_below(block, self.block))
        forward = block.function("forward")
        packed = self.function(block, forward)
        if (packed.inputs, packed.body) == (_of_one_row(forward.inputs), forward.body):
            return block
        return replace(block, functions=(*block.functions, packed))

    def function(self, block: Block, forward: Function) -> Function:
        """Return the function of packed sentences that computes the outputs of `forward`."""
        shapes = shapes_of(block, forward)
        body = _live([self.statement(block, each, shapes) for each in forward.body], forward)
        read = {value for each in body for value in each.inputs}
        inputs = [each for each in _of_one_row(forward.inputs) if each.name in read]
        inputs += [self.given[each] for each in self.streams.values() if each in read]
        return replace(forward, name=PACKED, inputs=tuple(inputs), body=body)

    def statement(self, block: Block, statement: Statement, shapes: Shapes) -> Statement:
        """Return a statement as it is for packed sentences."""
        if isinstance(statement.op, Invoke):
            return _call(block, statement)
        form = statement.op.packed(len(statement.inputs))
        assert isinstance(form, PackedForm), form
        inputs = [statement.inputs[each] for each in form.inputs]
        inputs += [self.stream(shapes[statement.inputs[each]]) for each in form.streams]
        return replace(statement, op=form.op, inputs=tuple(inputs))

    def stream(self, shape: Shape) -> str:
        """Return the name of the packed sentences whose places a value has."""
        return next(self.streams[each] for each in shape if each in self.streams)


def _call(block: Block, statement: Statement) -> Statement:
    """Return a call with `packed` called, if there is one, and with what it reads as inputs."""
    below = callee(block, statement)
    if not below.has(PACKED):
        return statement
    names = (each.name for each in below.function("forward").inputs)
    values = dict(zip(names, statement.inputs, strict=True))
    inputs = (values.get(each.name, each.name) for each in below.function(PACKED).inputs)
    return replace(statement, op=Invoke(function=PACKED), inputs=tuple(inputs))


def _alike_in_a_list(block: Block) -> Block:
    """Return a block, its layers of one list with a function `packed` each, if any has one."""
    shared = [part.block for _, part in block.parts if isinstance(part, Repeat) and part.holder]
    if not any(each.has(PACKED) for each in shared):
        return block

    def with_packed(part: Op | Repeat | Block) -> Op | Repeat | Block:
        if not (isinstance(part, Repeat) and part.holder) or part.block.has(PACKED):
            return part
        forward = part.block.function("forward")
        packed = replace(forward, name=PACKED, inputs=_of_one_row(forward.inputs))
        return replace(part, block=replace(part.block, functions=(forward, packed)))

    return replace(block, parts=tuple((name, with_packed(part)) for name, part in block.parts))


def _of_one_row(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """Return parameters whose batch is one row, that of all sentences."""
    return tuple(
        replace(given, shape=tuple(ONE if each == BATCH else each for each in given.shape))
        for given in inputs
    )


def _live(statements: list[Statement], function: Function) -> tuple[Statement, ...]:
    """Return the statements that the outputs of a function need, and those without a result."""
    effects = [value for each in statements if not each.results for value in each.inputs]
    kept = live(statements, (*function.outputs, *effects))
    return tuple(each for each in statements if each in kept or not each.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    """The functions of the model itself, whose inputs are packed sentences."""

    packing: _Packing
    model: Block
    functions: dict[str, Function] = field(default_factory=dict)

    def derive(self, name: str) -> None:
        """Derive a function of the model, after those that it calls."""
        forward, origin = self.model.function(name), self.model.origin
        shapes = shapes_of(self.model, forward)
        tokens = {each.name: f"_.{each.name}" for each in forward.inputs}
        body = [
            Statement(results=(made,), op=PackedTokens(), inputs=(given,), origin=origin)
            for given, made in tokens.items()
        ]
        for statement in forward.body:
            if isinstance(statement.op, Invoke) and not statement.part:
                self.derive(statement.op.function)
                body.append(statement)
                continue
            made = self.packing.statement(self.model, statement, shapes)
            is_same = made.op == statement.op and not isinstance(made.op, Invoke)
            inputs = tuple(tokens.get(each, each) if is_same else each for each in made.inputs)
            body.append(replace(made, inputs=inputs))
        function = replace(
            forward,
            inputs=tuple(self.packing.given[each.name] for each in forward.inputs),
            body=_live(body, forward),
        )
        self.functions[name] = _of_all_rows(function) if name == "features" else function


def _of_all_rows(function: Function) -> Function:
    """Return the function with its one output in the form [place, width]."""
    *body, last = function.body
    (made,) = last.results
    named = f"{shown(made).replace('_', 'x')}.row"
    row = replace(last, results=("_.row",), op=OnlyRow(), inputs=(named,), part="")
    return replace(function, body=(*body, replace(last, results=(named,)), row), outputs=("_.row",))
