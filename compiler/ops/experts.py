"""A mixture of experts: feed-forward networks, some of which are chosen for each token.

Shazeer et al. 2017. Each token chooses for itself and none is dropped, so that no position depends
on another: experts with a capacity would depend on what other tokens, later ones too, choose.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

from compiler.mask.mask import Mask
from compiler.ops.caption import Caption, numeral
from compiler.ops.expression import Call, Const, Expression, Hyperparameter, call
from compiler.ops.op import Cost, Op
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
        return call("mixture", this, *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseExperts(ExpertDispatch):
    """Weighted sums of experts of which each reads every token."""

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        raise NotImplementedError("costs are those of the network before it is exported")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("dense_mixture", this, *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLoad(Op):
    """scores [..., count], chosen [..., active] -> nothing: training keeps them for a loss."""

    chosen_by: ClassVar[tuple[str, ...]] = ("experts",)

    factor: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(title="Load of experts", kind="bias")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ()

    def module(self) -> Expression:
        return call("LoadBalancing", self.factor)

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
