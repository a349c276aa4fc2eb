"""Factors on attention scores by the position of the query, or by the length of its text."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, Mask
from compiler.ops.caption import Caption, numeral
from compiler.ops.elementwise import Elementwise
from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, call, method, total
from compiler.ops.op import Op, PackedForm, Unpackable
from compiler.ops.positions import OfPositions
from compiler.ops.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTemperature(OfPositions):
    """tokens [batch, position] -> [position, 1]; counted: tokens, first -> [1, 1].

    1 + scale * log(1 + floor((i + offset) / length)) at position i (Llama 4).
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("temperature",)

    length: Hyperparameter
    scale: Hyperparameter
    offset: Hyperparameter | None = None

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"grows beyond {numeral(self.length)} positions", inputs=False)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((Const(1) if self.counted else inputs[0][1], Const(1)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        first, count = self.span(inputs)
        if self.offset is not None:
            first = self.offset if first == Const(0) else total(first, self.offset)
        device = self.device(inputs)
        return call("position_temperature", first, count, self.length, self.scale, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogarithmTemperature(OfPositions):
    """tokens [batch, position] -> [position, 1]; counted: tokens, first -> [1, 1].

    log(i + 1) / log(length) at position i, before which i others may be read.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("temperature",)

    length: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"logarithm to the base {numeral(self.length)}", inputs=False)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((Const(1) if self.counted else inputs[0][1], Const(1)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        span, device = self.span(inputs), self.device(inputs)
        return call("logarithm_temperature", *span, self.length, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthTemperature(Op):
    """tokens [batch, position] -> [batch, 1, 1, 1]: log(n) / log(length) for a text of n tokens."""

    chosen_by: ClassVar[tuple[str, ...]] = ("temperature",)

    length: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"logarithm to the base {numeral(self.length)}", inputs=False)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((inputs[0][0], Const(1), Const(1), Const(1)),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (ALL,) * inputs

    def packed(self, inputs: int) -> PackedForm | Unpackable:
        return Unpackable(
            reason="packed sentences have no temperature by their length (`temperature`)"
        )

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("length_temperature", *inputs, self.length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper(Elementwise):
    """query [batch, heads, position, d_k] times a temperature [..., position, 1]."""

    chosen_by: ClassVar[tuple[str, ...]] = ("temperature",)
    saved: ClassVar[int] = 0

    @property
    def caption(self) -> Caption:
        return Caption(title="Temperature", kind="product", words="tempered")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs[:1]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        query, temperature = inputs
        return method(Binary(query, "*", temperature), "type_as", query)
