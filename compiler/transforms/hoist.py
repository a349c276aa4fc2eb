"""Moves what depends on the input tokens alone out of the layers: the model computes it, once.

Masks, biases and angles of positions are the same in all layers. Lowering writes them where they
are read; here each becomes an argument that the model hands to its stacks and they to their layers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from compiler.ir.block import Block, Function, Input, Invoke, Repeat, Statement, children, shown
from compiler.ir.build import Body
from compiler.ops.masking import Tokens
from compiler.ops.op import Op
from compiler.ops.shape import Free, Shape
from compiler.source.span import Span
from compiler.transforms.rewrite import change_below


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A value that depends on tokens alone. Equal values, of any name, are one computation."""

    op: Op
    inputs: tuple["_Value", ...]
    part: str
    name: str = field(compare=False)
    origin: Span = field(compare=False)

    @property
    def shape(self) -> Shape:
        """Return the shape of the value."""
        (shape,) = self.op.shape(tuple(each.shape for each in self.inputs))
        return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lifted:
    """A block whose values of tokens alone have become arguments (`needed`)."""

    block: Block
    needed: tuple[_Value, ...]


def hoist(model: Block) -> Block:
    """Return the model with values of tokens alone made once, and with the parts that make them."""
    below = {name: _lift(block) for name, block, _ in children(model)}
    shared: dict[str, Op] = {}
    functions = tuple(_Root(each, below, shared).function() for each in model.functions)
    parts = _with_lifted(model, below)
    first = next(n for n, (_, part) in enumerate(parts) if isinstance(part, Block))
    return replace(
        model, parts=(*parts[:first], *shared.items(), *parts[first:]), functions=functions
    )


def _with_lifted(
    block: Block, below: dict[str, _Lifted]
) -> tuple[tuple[str, Op | Repeat | Block], ...]:
    """Return the parts of a block, those below it lifted."""
    lifted = {id(each): below[name].block for name, each, _ in children(block)}
    return change_below(block, lambda each: lifted[id(each)]).parts


def _lift(block: Block) -> _Lifted:
    """Take what is made of tokens alone out of a block and those below it."""
    below = {name: _lift(each) for name, each, _ in children(block)}
    (forward,) = block.functions
    taken = {each.name for each in forward.inputs}
    needed: dict[_Value, str] = {}
    made: dict[str, _Value] = {}
    body = list[Statement]()
    for statement in forward.body:
        if value := _value(statement, made):
            made[statement.results[0]] = value
            continue
        given: list[str | _Value] = [made.get(each, each) for each in statement.inputs]
        given += below[statement.part].needed if isinstance(statement.op, Invoke) else ()
        inputs = (each if isinstance(each, str) else _name(each, needed, taken) for each in given)
        body.append(replace(statement, inputs=tuple(inputs)))
    added = (
        Input(name=name, shape=value.shape, annotation=value.op.annotation)
        for value, name in needed.items()
    )
    lifted = {value.part for value in made.values()}
    parts = _with_lifted(block, below)
    block = replace(
        block,
        parts=tuple((name, part) for name, part in parts if name not in lifted),
        functions=(replace(forward, inputs=(*forward.inputs, *added), body=tuple(body)),),
    )
    return _Lifted(block=block, needed=tuple(needed))


def _value(statement: Statement, made: dict[str, _Value]) -> _Value | None:
    """Return what a statement makes, if that depends on tokens alone, and is alike in layers."""
    op, inputs = statement.op, statement.inputs
    depends = inputs and all(each in made for each in inputs)
    if isinstance(op, Invoke) or op.is_of_layers or not (depends or isinstance(op, Tokens)):
        return None
    return _Value(
        op=op,
        inputs=tuple(made[each] for each in inputs),
        part=statement.part,
        name=shown(statement.results[0]),
        origin=statement.origin,
    )


def _name(value: _Value, names: dict[_Value, str], taken: Iterable[str]) -> str:
    """Return the name of a value in a function, with a number if another value has its name."""
    if value not in names:
        others = {*taken, *names.values()}
        free = (f"{value.name}{end}" for end in ("", *(f"_{n}" for n in range(2, 99))))
        names[value] = next(each for each in free if each not in others)
    return names[value]


def _made_of_tokens(function: Function) -> Iterator[tuple[_Value, str]]:
    """Yield the values that a function of the model makes of tokens alone by itself."""
    stands_for = partial(_Value, inputs=(), part="", name="_", origin=function.body[0].origin)
    tokens = {each.name: stands_for(op=Tokens(stream=Free(each.name))) for each in function.inputs}
    for statement in function.body:
        if value := _value(statement, tokens):
            yield value, statement.results[0]


class _Root:
    """A function of the model, which makes the values before it calls a stack that needs them."""

    def __init__(
        self, function: Function, below: dict[str, _Lifted], shared: dict[str, Op]
    ) -> None:
        self.before, self.below, self.shared = function, below, shared
        counts = Counter(shown(each) for s in function.body for each in s.results)
        self.body = Body(function.body[0].origin, counts=dict(counts))
        self.taken = {each.name for each in function.inputs} | {*counts}
        self.names: dict[_Value, str] = {}
        self.made: dict[_Value, str] = dict(_made_of_tokens(function))

    def function(self) -> Function:
        """Return the function with the values."""
        for statement in self.before.body:
            lifted = self.below.get(statement.part)
            if isinstance(statement.op, Invoke) and lifted:
                values = self.values(lifted.needed)
                statement = replace(statement, inputs=(*statement.inputs, *values))
            self.body.statements.append(statement)
        return replace(self.before, body=tuple(self.body.statements))

    def values(self, needed: tuple[_Value, ...]) -> list[str]:
        """Compute the values for one call.

        They are named, so that the decoding state can keep them; only a single mask in `encode` is
        written where it is used.
        """
        if self.before.name == "encode" and len(needed) == 1 and not needed[0].inputs[0].inputs:
            return [self.make(needed[0], "_")]
        return [self.make(each, self.name(each)) for each in needed]

    def name(self, value: _Value, beside: str = "") -> str:
        """Return the name of a value, which may have that of `beside`, the value made of it."""
        if value.name in ("_", beside):
            return value.name
        return _name(value, self.names, self.taken)

    def make(self, value: _Value, name: str) -> str:
        """Make a value of this name, unless it is there already."""
        if isinstance(value.op, Tokens):
            return value.op.stream.name
        if (made := self.made.get(value)) and self.body.is_newest(made):
            return made
        if value.part:
            self.shared[value.part] = value.op
        inputs = [self.make(each, self.name(each, beside=value.name)) for each in value.inputs]
        made = self.body.at(value.origin).apply(value.op, *inputs, part=value.part, name=name)
        if name != "_":
            self.made[value] = made
        return made
