"""Gates on what attention gives, from the input of its layer (Qiu et al. 2025)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption
from compiler.ops.elementwise import Elementwise
from compiler.ops.expression import Binary, Const, Expression, call, method
from compiler.ops.shape import Shape, require


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputGate(Elementwise):
    """x [batch, position, width], gate of the same shape -> x * sigmoid(gate)."""

    chosen_by: ClassVar[tuple[str, ...]] = ("output_gate",)
    flops: ClassVar[int] = 5
    saved: ClassVar[int] = 3

    @property
    def caption(self) -> Caption:
        return Caption(title="× sigmoid", kind="product", words="gated")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, gate = inputs
        require(x, gate, "output gate")
        return (x,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, gate = inputs
        return Binary(x, "*", call("torch.sigmoid", gate))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadGate(OutputGate):
    """x [batch, heads, position, width], gate [batch, position, heads] -> x * sigmoid(gate)."""

    flops: ClassVar[int] = 1
    saved: ClassVar[int] = 1

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, gate = inputs
        require((x[0], x[2], x[1]), gate, "gate of heads")
        return (x,)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        x, gate = inputs
        share = method(call("torch.sigmoid", gate), "transpose", Const(1), Const(2))
        return Binary(x, "*", method(share, "unsqueeze", Const(-1)))
