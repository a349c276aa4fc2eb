"""Convolutions along a stream: a position reads some near it, by weights for each distance."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import Mask, window
from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Binary,
    Call,
    Const,
    Expression,
    Hyperparameter,
    Name,
    call,
    product,
)
from compiler.ops.mixer import Mixer
from compiler.ops.op import Complexity, Cost, Op, PackedForm, Stored
from compiler.ops.parameter import ZEROS, Initial, Parameter
from compiler.ops.shape import BATCH, BEAM, Lengths, Shape, elements, require, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Mixer):
    """x [batch, position, inputs] -> [batch, position, outputs].

    A position stands at the end of the `width` positions that it reads, where `causal`, or else in
    their middle. Then a second input says which are real, [batch, 1, 1, position]: the others
    count as zero, as those before the beginning and behind the end do.
    """

    made_by: ClassVar[tuple[str, ...]] = ("initialization",)
    field: ClassVar[str] = "recent"

    inputs: Expression
    initial: Initial
    width: Hyperparameter
    causal: bool

    @property
    def mask(self) -> Mask:
        width = int(self.width.value)
        return window(width - 1, 0) if self.causal else window(width // 2, width // 2)

    def explain_leak(self, mask: Mask) -> tuple[str, str]:
        return f"a convolution centred in {self.width.value} positions", "leave `causal` out"

    @property
    def memory(self) -> str:
        return "LastInputs"

    @property
    def carried(self) -> int:
        return (size(self.width, {}) - 1) * size(self.inputs, {})

    @property
    def memory_tensors(self) -> tuple[Stored, ...]:
        others = Binary(self.width, "-", Const(1))
        return (Stored(name="inputs", shape=(BATCH, BEAM, self.inputs, others)),)

    @property
    @abstractmethod
    def outputs(self) -> Expression:
        """The number of numbers that each position gets."""

    @property
    @abstractmethod
    def products(self) -> Expression:
        """The number of multiplications for each pair of a position and one that it reads."""

    @property
    @abstractmethod
    def maker(self) -> str:
        """The function that makes the module."""

    @property
    def _runner(self) -> str:
        return "causal_convolution" if self.causal else "centred_convolution"

    @property
    def _reads(self) -> str:
        return f"width {self.width.value}, {'causal' if self.causal else 'centred'}"

    def module(self) -> Expression:
        return Call(Name(self.maker), (self.inputs, self.width), self.initial.arguments())

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, *_ = inputs
        require(x[-1:], (self.inputs,), "convolution")
        return ((*x[:-1], self.outputs),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        x, *_ = inputs
        pairs = elements(x[:-1], lengths) * size(self.width, lengths)
        return Cost(
            flops=2 * pairs * size(self.products, lengths), saved_for_backward=elements(x, lengths)
        )

    def packed(self, inputs: int) -> PackedForm:
        return PackedForm(op=PackedConvolution(of=self), inputs=(0,), streams=(0,))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call(self._runner, this, *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedConvolution(Op):
    """x [1, place, inputs], packed sentences -> [1, place, outputs], each sentence by itself."""

    of: Convolution

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return self.of.shape(inputs)

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        keywords = {"is_causal": Const(True)} if self.of.causal else {}
        return call("packed_convolution", this, *inputs, **keywords)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedConvolution(Convolution):
    """To d_model numbers, and as many for their gate (Gehring et al. 2017, section 3.2).

    `gains` are factors on how the weights of each start, where they are not all 1.
    """

    gains: tuple[Expression, ...] = ()

    @property
    def caption(self) -> Caption:
        return Caption(
            title="Convolution", kind="mixer", words=self._reads, block="Gated Convolution"
        )

    @property
    def outputs(self) -> Expression:
        return product(Const(2), self.inputs)

    @property
    def products(self) -> Expression:
        return product(self.outputs, self.inputs)

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer=f"{self.width.value} n d^2")

    @property
    def maker(self) -> str:
        return "gated_convolution"

    def parameters(self) -> tuple[Parameter, ...]:
        slices = (("output", self.inputs), ("gate", self.inputs))
        weight = Parameter(
            name="weight",
            shape=(self.outputs, self.inputs, self.width),
            initial=self.initial,
            slices=slices,
            gains=self.gains,
        )
        shape = (self.outputs,)
        bias = Parameter(name="bias", shape=shape, initial=ZEROS, decays=False, slices=slices)
        return (weight, bias)

    def module(self) -> Expression:
        keywords = self.initial.arguments(self.gains)
        return Call(Name(self.maker), (self.inputs, self.width), keywords)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConvolution(Convolution):
    """Each number by itself (Kaiser et al. 2018, section 2.1), perhaps plus a bias."""

    made_by: ClassVar[tuple[str, ...]] = ("initialization", "bias")

    bias: bool = False

    @property
    def caption(self) -> Caption:
        title = "Depthwise Convolution"
        return Caption(title=title, kind="mixer", words=self._reads, block=title)

    @property
    def outputs(self) -> Expression:
        return self.inputs

    @property
    def products(self) -> Expression:
        return self.inputs

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer=f"{self.width.value} n d + n d^2")

    @property
    def maker(self) -> str:
        return "depthwise_convolution"

    def parameters(self) -> tuple[Parameter, ...]:
        shape = (self.inputs, Const(1), self.width)
        weight = Parameter(name="weight", shape=shape, initial=self.initial)
        bias = Parameter(name="bias", shape=shape[:1], initial=ZEROS, decays=False)
        return (weight, bias) if self.bias else (weight,)

    def module(self) -> Expression:
        bias = (("bias", Const(True)),) if self.bias else ()
        return Call(Name(self.maker), (self.inputs, self.width), bias + self.initial.arguments())
