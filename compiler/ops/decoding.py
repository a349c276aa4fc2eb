"""Ops of the decoding programs: they read and write the state between steps."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.expression import (
    Attribute,
    Call,
    Const,
    Expression,
    Name,
    Slice,
    Subscript,
    call,
    method,
)
from compiler.ops.op import Cache, Memory, Op, Predicate, Stored
from compiler.ops.shape import BATCH, BEAM, Free, Shape, elements

SLOTS = Free("slots")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Op):
    """state -> one of its fields, of shape `declared` if it is a tensor."""

    is_inline: ClassVar[bool] = True

    name: str
    declared: Shape = ()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return (self.declared,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Attribute(inputs[0], self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakesState(Op):
    """The base of ops whose result is a state, or a part of one, and no tensor."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((),)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCache(MakesState):
    """An empty cache of keys and values."""

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    cache: Cache

    def predicates(self) -> tuple[Predicate, ...]:
        return () if self.cache.keeps is None else (self.cache.keeps,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        arguments: tuple[Expression, ...] = ()
        if self.cache.keeps is not None:
            arguments = (Name(self.cache.keeps.name),)
        elif self.cache.dilation > 1:
            arguments = (Const(self.cache.dilation),)
        return call(self.cache.annotation, *arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory(MakesState):
    """The empty memory of an empty hypothesis."""

    memory: Memory

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call(self.memory.annotation, *self.memory.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(Op):
    """cache, key, value of the newest position -> key, value of all slots.

    A cache that hands out some slots only also reads the ancestry, and returns which they are.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    cache: Cache

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        grown = tuple((*each[:2], SLOTS, *each[3:]) for each in inputs[1:3])
        return (*grown, (SLOTS,)) if self.cache.is_partial else grown

    def appended_cache(self) -> Cache:
        return self.cache

    def state_size(self, inputs: tuple[Shape, ...]) -> int:
        return sum(elements(each, {BATCH.name: 1, BEAM.name: 1}) for each in inputs[1:3])

    def stored(self, inputs: tuple[Shape, ...]) -> tuple[Stored, ...]:
        key, value, *_ = self.shape(inputs)
        return (Stored(name="key", shape=key), Stored(name="value", shape=value))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        cache, *newest = inputs
        return method(cache, "append", *newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(Op):
    """cache, key, value of the first positions -> the same key, value; fills an empty cache."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs[1:]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        cache, *first = inputs
        return method(cache, "fill", *first)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAncestry(MakesState):
    """tokens [batch, position] -> the ancestry of one empty hypothesis for each sentence."""

    chosen_by: ClassVar[tuple[str, ...]] = ("decoder.position",)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (tokens,) = inputs
        return call("BeamAncestry", method(tokens, "size", Const(0)), Attribute(tokens, "device"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(Op):
    """ancestry, parent [batch, beam] -> nothing: the ancestry is one position longer."""

    chosen_by: ClassVar[tuple[str, ...]] = ("decoder.position",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ()

    def stored(self, inputs: tuple[Shape, ...]) -> tuple[Stored, ...]:
        mask = Stored(name="mask", shape=(BATCH, BEAM, SLOTS), initial=True)
        return (mask, Stored(name="positions", shape=(SLOTS,), initial=0))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        ancestry, parent = inputs
        return method(ancestry, "extend", parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillAncestry(Op):
    """ancestry, tokens [batch, position] -> nothing: one hypothesis has read all the tokens."""

    chosen_by: ClassVar[tuple[str, ...]] = ("decoder.position",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ()

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        ancestry, tokens = inputs
        return method(ancestry, "fill", method(tokens, "size", Const(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleSlots(Op):
    """ancestry -> mask [batch, 1, beam, slots]: the slots that each hypothesis descends from.

    `reads` is a mask that leaves out some of them; a second input says which slots there are.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("mask", "position")

    declared: Shape
    reads: Predicate | None

    def predicates(self) -> tuple[Predicate, ...]:
        return () if self.reads is None else (self.reads,)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return (self.declared,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        ancestry, *slots = inputs
        return visible_slots(ancestry, self.reads, *slots)


def visible_slots(ancestry: Expression, reads: Predicate | None, *slots: Expression) -> Expression:
    """Return the slots that each hypothesis descends from and the mask allows, if there is one."""
    if reads is None:
        return Subscript(Attribute(ancestry, "mask"), (Slice(), Name("None")))
    return method(ancestry, "visible_slots", Name(reads.name), *slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeState(MakesState):
    """Values -> the state that holds them."""

    name: str

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(Name(self.name), inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinStates(MakesState):
    """Lists of the states of layers of several kinds, one after the other -> one list.

    One call makes the states of all layers of a list, and so the code of all inputs is the same.
    """

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return inputs[0]
