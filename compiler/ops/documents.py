"""Documents that share a text but do not see each other: a document begins at each BEGIN."""

from dataclasses import dataclass, replace
from typing import ClassVar

from compiler.mask.mask import CAUSAL, Mask
from compiler.ops.caption import Caption
from compiler.ops.decoding import SLOTS, visible_slots
from compiler.ops.expression import (
    Attribute,
    Const,
    Expression,
    Name,
    Slice,
    Subscript,
    call,
    method,
)
from compiler.ops.op import (
    CarriesState,
    Memory,
    NeedsCacheSlots,
    Op,
    Pointwise,
    Predicate,
    State,
    Stored,
    Unpackable,
)
from compiler.ops.parameter import Parameter
from compiler.ops.positions import OfPositions
from compiler.ops.shape import BATCH, BEAM, Shape

_UNPACKABLE = Unpackable(reason="packed sentences are not divided into documents (`documents`)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPositions(Op):
    """tokens [batch, position] -> the position of each in its document [batch, position]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("documents",)

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs[:1]

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (CAUSAL,) * inputs

    def state(self, decoded: tuple[bool, ...]) -> State:
        return CarriesState(
            step=DocumentStep(),
            prefill=DocumentPrefill(),
            memory=Memory(annotation="DocumentPosition", name="document"),
        )

    def packed(self, inputs: int) -> Unpackable:
        return _UNPACKABLE

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("document_positions", *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStep(Op):
    """token [batch, beam], the memory, parent [batch, beam] -> position in its document."""

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs[:1]

    def state_size(self, inputs: tuple[Shape, ...]) -> int:
        return 1

    def stored(self, inputs: tuple[Shape, ...]) -> tuple[Stored, ...]:
        return (Stored(name="newest", shape=(BATCH, BEAM), initial=-1),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        token, memory, parent = inputs
        return method(memory, "advance", token, parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPrefill(DocumentStep):
    """tokens [batch, position], an empty memory -> the position of each in its document."""

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        tokens, memory = inputs
        return method(memory, "fill", tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinDocument(Op):
    """Return which keys each query may read: those that `reads` allows, of its own document.

    positions in documents [batch, position] -> [batch, 1, position, position]. If `reads` depends
    on the distance between query and key alone, it is a second input [position, position].

    In a step: ancestry, positions in documents [batch, beam] -> [batch, 1, beam, slots], the slots
    that the newest position of each hypothesis may read. `reads` counts positions in documents.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("documents", "mask")

    reads: Predicate
    is_step: bool = False

    @property
    def caption(self) -> Caption:
        return Caption(kind="mask")

    def predicates(self) -> tuple[Predicate, ...]:
        is_called = not self.reads.is_plain if self.is_step else not self.reads.mask.is_relative
        return (self.reads,) if is_called else ()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        if self.is_step:
            return ((BATCH, Const(1), BEAM, SLOTS),)
        batch, position = inputs[0]
        return ((batch, Const(1), position, position),)

    def state(self, decoded: tuple[bool, ...]) -> State:
        return NeedsCacheSlots(step=replace(self, is_step=True), reads=(0,))

    def packed(self, inputs: int) -> Unpackable:
        return _UNPACKABLE

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        is_relative, reads = self.reads.mask.is_relative, Name(self.reads.name)
        if not self.is_step:
            if is_relative:
                return call("within_document", *inputs)
            return call("allowed_within_document", reads, *inputs)
        ancestry, position = inputs
        places = (Attribute(ancestry, name) for name in ("newest", "positions"))
        if is_relative:
            allowed = visible_slots(ancestry, None if self.reads.is_plain else self.reads)
            return call("slots_within_document", position, allowed, *places)
        own = visible_slots(ancestry, None)
        return call("slots_allowed_within_document", reads, position, own, *places)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDocumentPositions(Op):
    """tokens, positions in documents [batch, position] -> what `of` computes of these positions.

    [batch, position, ...]; with `over_heads` [batch, 1, position, ...]. In a step (`is_step`) there
    is one position for each hypothesis.
    """

    chosen_by: ClassVar[tuple[str, ...]] = (
        *("documents", "position", "embedding.tied", "temperature"),
    )

    of: OfPositions
    over_heads: bool = False
    is_step: bool = False

    @property
    def caption(self) -> Caption:
        return self.of.caption

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        _, (batch, position) = inputs
        ((_, *widths),) = self.of.shape(inputs[:1])
        heads = (Const(1),) if self.over_heads else ()
        return ((batch, *heads, position, *widths),)

    def parameters(self) -> tuple[Parameter, ...]:
        return self.of.parameters()

    def module(self) -> Expression:
        return self.of.module()

    def state(self, decoded: tuple[bool, ...]) -> State:
        return Pointwise(step=replace(self, is_step=True))

    def packed(self, inputs: int) -> Unpackable:
        return _UNPACKABLE

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        tokens, position = inputs
        index: Expression = position
        if self.over_heads:
            index = Subscript(position, (Slice(), Name("None")))
        if not self.is_step:
            return call("at_positions", self.of.code(this, (tokens,)), index)
        first = Subscript(method(position, "flatten"), (Slice(), Name("None")))
        each = replace(self.of, counted=True).code(this, (tokens, first))
        return call("of_hypotheses", each, index)
