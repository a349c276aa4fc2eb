"""Biases on attention scores by the distance between query and key: ALiBi, and learned buckets."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from compiler.mask.mask import Mask
from compiler.ops.caption import Caption
from compiler.ops.decoding import SLOTS, visible_slots
from compiler.ops.expression import (
    Attribute,
    Call,
    Expression,
    Hyperparameter,
    Name,
    call,
)
from compiler.ops.op import Cost, NeedsCacheSlots, Op, Predicate, State
from compiler.ops.parameter import Initial, Parameter
from compiler.ops.shape import BATCH, BEAM, Lengths, Shape, elements


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionIds(Op):
    """tokens [batch, position] -> 0, 1, 2 ... [position]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("position",)

    @property
    def caption(self) -> Caption:
        return Caption(inputs=False)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((_, position),) = inputs
        return ((position,),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (None,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("position_ids", *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBias(Op):
    """places [position], mask [..., position, position] -> [..., heads, position, position]

    The result is added to scores; it is -inf where the mask, if there is one, is false. In a step:
    ancestry -> [batch, heads, beam, slots], for the newest position of each hypothesis. Parameters
    start from `initial`; what is not learned has the dtype of the weights of `table`, an attribute
    of the model. If documents are `apart`, a step reads a mask, too: it knows which slots are of
    the hypothesis's document.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("position",)

    heads: Hyperparameter
    reads: Predicate
    reads_ahead: bool
    table: str
    initial: Initial
    apart: bool = False
    is_step: bool = False
    is_of_layers: bool = False
    """True if each layer has what is learned for itself."""

    @property
    def is_selective(self) -> bool:
        """Return whether a decoding step reads less than all earlier positions."""
        return not self.reads.is_plain

    def predicates(self) -> tuple[Predicate, ...]:
        is_called = self.is_step and self.is_selective and not self.apart
        return (self.reads,) if is_called else ()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        if self.is_step:
            return ((BATCH, self.heads, BEAM, SLOTS),)
        (position,), *masks = inputs
        batch = (mask[0] for mask in masks if len(mask) == 4)
        return ((*batch, self.heads, position, position),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        """Return the numbers of the bias as kept for the backward pass; a step keeps nothing."""
        kept = 0 if self.is_step else sum(elements(each, lengths) for each in self.shape(inputs))
        return Cost(saved_for_backward=kept)

    def state(self, decoded: tuple[bool, ...]) -> State:
        return NeedsCacheSlots(step=replace(self, is_step=True), reads=(1,) if self.apart else ())

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        if self.is_step:
            ancestry, *masks = inputs
            i, j = Attribute(ancestry, "newest"), Attribute(ancestry, "positions")
            if not masks:
                masks = [visible_slots(ancestry, self.reads if self.is_selective else None)]
            return call("masked_bias", self.bias(this, i, j), *masks)
        places, *masks = inputs
        bias = self.bias(this, places, places)
        return call("masked_bias", bias, *masks) if masks else bias

    @abstractmethod
    def bias(self, this: Expression, i: Expression, j: Expression) -> Expression:
        """Return the bias of queries at places i on keys at places j, [heads, i, j]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlibiBias(ScoreBias):
    """Each head has a slope by which scores fall with the distance (Press et al. 2022)."""

    @property
    def caption(self) -> Caption:
        return Caption(title="ALiBi", kind="bias")

    def bias(self, this: Expression, i: Expression, j: Expression) -> Expression:
        return call(
            "alibi_bias", self.heads, i, j, Attribute(Attribute(this, self.table), "weight")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeBias(ScoreBias):
    """A learned number for each bucket of distances and each head (Raffel et al. 2020)."""

    buckets: Hyperparameter
    max_distance: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Relative Bias", kind="bias")

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.buckets, self.heads)
        return (Parameter(name="weight", shape=shape, initial=self.initial),)

    def module(self) -> Expression:
        sizes = (self.buckets, self.heads)
        return Call(Name("distance_embedding"), sizes, self.initial.arguments())

    def bias(self, this: Expression, i: Expression, j: Expression) -> Expression:
        kind = "relative_bias" if self.reads_ahead else "backward_bias"
        return call(kind, this, self.max_distance, i, j)


SCORE_BIASES: dict[str, type[ScoreBias]] = {"alibi": AlibiBias, "relative": RelativeBias}
"""The biases by the kinds of positions, whose settings are their numbers."""
