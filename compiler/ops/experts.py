"""A mixture of experts: feed-forward networks, some of which are chosen for each token.

Shazeer et al. 2017. Each token chooses for itself and none is dropped, so that no position depends
on another: experts with a capacity would depend on what other tokens, later ones too, choose.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

from compiler.mask.mask import Mask
from compiler.ops.caption import Caption, numeral
from compiler.ops.expression import (
    Attribute,
    Call,
    Const,
    Expression,
    Hyperparameter,
    call,
    method,
)
from compiler.ops.op import Cost, Op
from compiler.ops.parameter import ZEROS, Parameter
from compiler.ops.shape import Lengths, Shape, elements, require, size

ONE = Const(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopKRouter(Op):
    """scores [..., count] -> the best experts [..., active] and their weights [..., active].

    The weights are a softmax over the scores of those that are chosen, as in Mixtral; a single one
    has its probability among all, without which nothing would be learned (Fedus et al. 2021).
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)
    returns_list: ClassVar[bool] = True

    count: Hyperparameter
    active: Expression

    @property
    def caption(self) -> Caption:
        title = f"Top {numeral(self.active)} of {self.count.value}"
        return Caption(title=title, kind="softmax", words=f"{title.lower()} experts")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        (scores,) = inputs
        require(scores[-1:], (self.count,), "choose")
        return ((*scores[:-1], self.active),) * 2

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        if self.active == ONE:
            return call("choose_expert", *inputs)
        return call("choose_experts", *inputs, self.active)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affinity(Op):
    """scores [..., count] -> probabilities in float32 [..., count]: by a softmax, or each apart."""

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    by: str

    @property
    def caption(self) -> Caption:
        return Caption(title=self.by.capitalize(), kind="softmax")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        numbers = method(inputs[0], "float")
        if self.by == "sigmoid":
            return method(numbers, "sigmoid")
        return Call(Attribute(numbers, "softmax"), (), (("dim", Const(-1)),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected(Op):
    """affinities [..., count] + a number for each expert, which follows its load, not a gradient.

    Wang et al. 2024: the sums decide which experts are chosen, and nothing else.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    count: Hyperparameter
    rate: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Correction by load", kind="bias")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        require(inputs[0][-1:], (self.count,), "correct")
        return inputs

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter(name="bias", shape=(self.count,), initial=ZEROS, decays=False),)

    def module(self) -> Expression:
        return call("LoadCorrection", self.count, self.rate)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinGroups(Op):
    """affinities [..., count] -> of groups that are not chosen, minus infinity."""

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    groups: Hyperparameter
    active: Hyperparameter
    best: int

    @property
    def caption(self) -> Caption:
        return Caption(title=f"Top {numeral(self.active)} of {self.groups.value} groups")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("within_groups", *inputs, self.groups, self.active, Const(self.best))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopKAffinities(TopKRouter):
    """affinities [..., count], and what is ranked instead of them -> the best, and their weights.

    The weights are the affinities of the best, divided by their sum if they are `normalized`.
    """

    normalized: bool

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        for each in inputs:
            require(each[-1:], (self.count,), "choose")
        return ((*inputs[0][:-1], self.active),) * 2

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Cost(flops=elements(inputs[0], lengths))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        affinities, *ranking = inputs
        given = {"ranking": ranking[0]} if ranking else {}
        if self.normalized:
            given["normalize"] = Const(True)
        return call("choose_by_affinity", affinities, self.active, **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertDispatch(Op):
    """x [..., d_model], chosen and weights [..., active] -> [..., d_model].

    `this` is a list of networks; each has `matrices` of d_model x d_ff. Those that are not chosen
    cost nothing.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("experts", "activation")

    d_model: Hyperparameter
    d_ff: Hyperparameter
    active: Expression
    matrices: int
    weighs_inputs: bool = False

    @property
    def caption(self) -> Caption:
        return Caption(title="Weighted sum of experts", kind="sum")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, chosen, weights = inputs
        require(x[-1:], (self.d_model,), "mixture")
        require(chosen, (*x[:-1], self.active), "mixture")
        require(weights, chosen, "mixture")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        calls = elements(inputs[1], lengths)
        width, hidden = size(self.d_model, lengths), size(self.d_ff, lengths)
        flops = 2 * self.matrices * width * hidden + self.matrices * hidden + 2 * width
        return Cost(
            flops=calls * flops, saved_for_backward=calls * (2 * width + self.matrices * hidden)
        )

    def traceable(self) -> Op:
        return DenseExperts(**{each.name: getattr(self, each.name) for each in fields(self)})

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("mixture", this, *inputs, **self.given)

    @property
    def given(self) -> dict[str, Expression]:
        """The keywords of the helper."""
        return {"weigh_inputs": Const(True)} if self.weighs_inputs else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseExperts(ExpertDispatch):
    """Weighted sums of experts of which each reads every token."""

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        raise NotImplementedError("costs are those of the network before it is exported")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("dense_mixture", this, *inputs, **self.given)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLoad(Op):
    """scores [..., count], chosen [..., active] -> nothing: training keeps them for a loss.

    They are affinities if it is `of_affinities`. It `counts` the tokens of each expert, too.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    factor: Hyperparameter
    of_affinities: bool = False
    counts: bool = False

    @property
    def caption(self) -> Caption:
        return Caption(title="Load of experts", kind="bias")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ()

    def module(self) -> Expression:
        flags = {"of_affinities": self.of_affinities, "counts": self.counts}
        given = {name: Const(True) for name, is_set in flags.items() if is_set}
        return call("LoadBalancing", self.factor, **given)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return Call(this, inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancingLoss(Op):
    """tokens [batch, position] that `this`, a stack, has just read -> [], the sum of its losses.

    It is a mean over tokens, for training alone: no value of the network depends on it.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (None,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("balance_loss", this, *inputs)
