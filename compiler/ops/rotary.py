"""Rotary positions: queries and keys rotated by angles that grow with it (Su et al. 2021)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.caption import Caption, numeral
from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, call
from compiler.ops.op import Cost, Op
from compiler.ops.positions import OfPositions
from compiler.ops.shape import Lengths, Shape, elements, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaryAngles(OfPositions):
    """tokens [batch, position] -> [position, width / 2]; counted: tokens, first -> [1, width / 2].

    Pair k of a head turns by `base` ** (-2 k / width) a position.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("position",)

    width: Hyperparameter
    base: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"base {numeral(self.base)}", inputs=False)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        length = Const(1) if self.counted else inputs[0][1]
        return ((length, pairs(self.width)),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        span, device = self.span(inputs), self.device(inputs)
        return call("rotary_angles", *span, self.width, self.base, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeLinearScaling(Op):
    """angles [position, width / 2] -> divided by the factor (Chen et al. 2023)."""

    chosen_by: ClassVar[tuple[str, ...]] = ("position.scaling",)

    factor: Hyperparameter

    @property
    def caption(self) -> Caption:
        return Caption(aside=f"angles ÷ {numeral(self.factor)}")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        (angle,) = inputs
        return Binary(angle, "/", self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeLlama3Scaling(RopeLinearScaling):
    """Angles are divided if they are slow in texts of `original_length` (Llama 3.1)."""

    width: Hyperparameter
    base: Hyperparameter
    original_length: Hyperparameter

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        settings = (self.width, self.base, self.factor, self.original_length)
        return call("scaled_angles", *inputs, *settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeYarnScaling(RopeLlama3Scaling):
    """Angles are divided by where their pair stands between two bounds (Peng et al. 2023).

    The bounds are the pairs that go round `beta_fast` and `beta_slow` times in `original_length`,
    whole numbers if `truncate`.
    """

    beta_fast: Hyperparameter
    beta_slow: Hyperparameter
    truncate: bool

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        settings = (self.width, self.base, self.factor, self.original_length)
        bounds = (self.beta_fast, self.beta_slow)
        return call("yarn_angles", *inputs, *settings, *bounds, Const(self.truncate))


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineSine(Op):
    """angles [..., position, width / 2] -> their cosines and sines [2, ..., position, width].

    Both numbers of a pair have the angle: they are half a width apart, or neighbours if
    `interleaved`. If documents are `apart`, each text has angles of its own. All are multiplied by
    `magnitude`, where there is one.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("position",)

    width: Hyperparameter
    layout: str
    apart: bool = False
    magnitude: Hyperparameter | None = None

    @property
    def caption(self) -> Caption:
        scaled = f"× {numeral(self.magnitude)}" if self.magnitude else ""
        return Caption(title="Rotary Positions", kind="position", words=scaled)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((*places, count),) = inputs
        require((count,), (pairs(self.width),), "cosine_sine")
        return ((Const(2), *places, self.width),)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        of_texts = self.apart and self.layout == "half"
        helper = "cosine_sine_of_texts" if of_texts else _of_layout("cosine_sine", self.layout)
        made = call(helper, *inputs)
        return made if self.magnitude is None else Binary(made, "*", self.magnitude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(Op):
    """x [batch, heads, position, d_k], rotation [2, ..., position, width] -> x, pairs rotated.

    Pairs are numbers half a width apart, or `interleaved` neighbours; numbers beyond `width` stay.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("position",)

    width: Hyperparameter
    layout: str
    is_partial: bool

    @property
    def caption(self) -> Caption:
        return Caption(title="Rotate", kind="position", words="rotary")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, rotation = inputs
        require((rotation[0], rotation[-1]), (Const(2), self.width), "rotate")
        return (x,)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        count = elements(inputs[0], lengths)
        return Cost(flops=3 * count, saved_for_backward=count)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        width = {"width": self.width} if self.is_partial else {}
        return call(_of_layout("rotate", self.layout), *inputs, **width)


def _of_layout(helper: str, layout: str) -> str:
    return f"{helper}_interleaved" if layout == "interleaved" else helper


def pairs(width: Hyperparameter) -> Expression:
    """Return how many angles rotate `width` numbers."""
    return Binary(width, "//", Const(2))
