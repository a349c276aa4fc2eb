"""Ops of the derived step program: they read and write what decoding keeps between steps."""

from dataclasses import dataclass

from compiler.ops.expression import Attribute, Call, Expression, Literal, Name, call, method
from compiler.ops.op import Op
from compiler.ops.shape import Free, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Op):
    """state -> one of its fields, of shape `declared` if it is a tensor."""

    name: str
    declared: Shape = ()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return (self.declared,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return Attribute(inputs[0], self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCache(Op):
    """An empty cache of keys and values."""

    def helpers(self) -> tuple[str, ...]:
        return ("KeyValueCache",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return ((),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call("KeyValueCache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(Op):
    """cache, key, value of the newest position -> key, value of all slots."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return tuple((*each[:2], Free("slots"), *each[3:]) for each in inputs[1:])

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        cache, *newest = inputs
        return method(cache, "append", *newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLineage(Op):
    """tokens [batch, position] -> the lineage of one empty hypothesis for each sentence."""

    def helpers(self) -> tuple[str, ...]:
        return ("Lineage",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return ((),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        (tokens,) = inputs
        return call("Lineage", method(tokens, "size", Literal(0)), Attribute(tokens, "device"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(Op):
    """lineage, parent [batch, beam] -> nothing: the lineage is one position longer."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return ()

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        lineage, parent = inputs
        return method(lineage, "extend", parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageMask(Op):
    """lineage -> mask [batch, 1, beam, slots]: the slots that each hypothesis descends from."""

    declared: Shape

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return (self.declared,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return method(Attribute(inputs[0], "mask"), "unsqueeze", Literal(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeState(Op):
    """Values -> the state that holds them."""

    name: str

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:  # noqa: ARG002
        return ((),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return Call(Name(self.name), inputs)
