"""Which tokens are real."""

from dataclasses import dataclass

from compiler.ops.expression import Expression, Literal, call
from compiler.ops.op import Op
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTokens(Op):
    """tokens [batch, position] -> mask [batch, 1, 1, position], false at padding."""

    def helpers(self) -> tuple[str, ...]:
        return ("real_tokens",)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((batch, position),) = inputs
        return ((batch, Literal(1), Literal(1), position),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:  # noqa: ARG002
        return call("real_tokens", *inputs)
