"""Recurrent layers along a stream: a position reads what the layer made of those before it.

LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014), in the form that torch gives them
and under its names.
"""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, CAUSAL, Mask
from compiler.ops.caption import Caption
from compiler.ops.expression import Call, Const, Expression, Hyperparameter, Name, call, product
from compiler.ops.mixer import Mixer
from compiler.ops.op import Complexity, Cost, Stored, Unpackable, Untraceable
from compiler.ops.parameter import ZEROS, Initial, Parameter
from compiler.ops.shape import BATCH, BEAM, Lengths, Shape, elements, require, size

GATES = {
    "lstm": ("input", "forget", "cell", "output"),
    "gru": ("reset", "update", "new"),
}
"""The rows of the matrices, in torch's order."""
_STATES = {"lstm": "LSTMState", "gru": "GRUState"}
"""The classes that hold what each hypothesis knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Mixer):
    """x [batch, position, d_model] -> hidden [batch, position, d_hidden], from the beginning on.

    A second result, torch's, is the hidden state of the last position alone. Padding follows the
    text, so that no real position reads any.
    """

    made_by: ClassVar[tuple[str, ...]] = ("initialization",)

    d_model: Hyperparameter
    initial: Initial
    kind: str
    d_hidden: Hyperparameter

    @property
    def caption(self) -> Caption:
        name = self.kind.upper()
        return Caption(title=name, kind="mixer", words=f"hidden {self.d_hidden.value}", block=name)

    @property
    def mask(self) -> Mask:
        return CAUSAL

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer="n d^2", sequential="n")

    @property
    def memory(self) -> str:
        return _STATES[self.kind]

    @property
    def carried(self) -> int:
        return (2 if self.kind == "lstm" else 1) * size(self.d_hidden, {})

    @property
    def memory_tensors(self) -> tuple[Stored, ...]:
        shape = (BATCH, BEAM, self.d_hidden)
        if self.kind == "gru":
            return (Stored(name="hidden", shape=shape),)
        return tuple(Stored(name="known", shape=shape, place=place) for place in range(2))

    @property
    def directions(self) -> tuple[str, ...]:
        """The suffixes of the names of parameters, one for each direction."""
        return ("",)

    @property
    def width(self) -> Expression:
        """The number of numbers that each position gets."""
        return self.d_hidden

    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(each for end in self.directions for each in self._of_direction(end))

    def _of_direction(self, end: str) -> tuple[Parameter, ...]:
        gates = tuple((gate, self.d_hidden) for gate in GATES[self.kind])
        rows = product(Const(len(gates)), self.d_hidden)
        matrices = (("weight_ih_l0", self.d_model), ("weight_hh_l0", self.d_hidden))
        weights = tuple(
            Parameter(
                name=name + end,
                shape=(rows, width),
                initial=self.initial,
                slices=gates,
                is_hidden_matrix=True,
            )
            for name, width in matrices
        )
        biases = tuple(
            Parameter(name=name + end, shape=(rows,), initial=ZEROS, decays=False, slices=gates)
            for name in ("bias_ih_l0", "bias_hh_l0")
        )
        return (*weights, *biases)

    def module(self) -> Expression:
        sizes = (self.d_model, self.d_hidden)
        return Call(Name(self.kind), sizes, self.initial.arguments())

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        x, *_ = inputs
        require(x[-1:], (self.d_model,), self.kind)
        return ((*x[:-1], self.width), ())

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        x, *_ = inputs
        steps = len(self.directions) * elements(x[:-1], lengths)
        width, hidden = size(self.d_model, lengths), size(self.d_hidden, lengths)
        gates = len(GATES[self.kind]) * hidden
        flops = 2 * gates * (width + hidden) + 2 * gates + 4 * hidden
        return Cost(
            flops=steps * flops,
            saved_for_backward=elements(x, lengths) + steps * (gates + 2 * hidden),
        )

    def packed(self, inputs: int) -> Unpackable:
        return Unpackable(reason=f"{self._named} would go on from one sentence to the next")

    def traceable(self) -> Untraceable:
        return Untraceable(reason=f"{self._named} is unrolled for texts of one length alone")

    @property
    def _named(self) -> str:
        return "an LSTM" if self.kind == "lstm" else "a GRU"

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("run_recurrence", this, *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class BidirectionalRecurrence(Recurrence):
    """Two recurrences, from the beginning and from the end of each text
    -> [batch, position, 2 * d_hidden].

    A second input says which positions are real, [batch, 1, 1, position]: the others are skipped,
    and get zeros. (Schuster and Paliwal 1997)
    """

    @property
    def caption(self) -> Caption:
        name = f"Bidirectional {self.kind.upper()}"
        words = f"hidden 2 × {self.d_hidden.value}"
        return Caption(title=name, kind="mixer", words=words, block=name)

    @property
    def mask(self) -> Mask:
        return ALL

    def explain_leak(self, mask: Mask) -> tuple[str, str]:
        return "a recurrence in both directions", "leave `bidirectional` to the encoder"

    @property
    def directions(self) -> tuple[str, ...]:
        return ("", "_reverse")

    @property
    def width(self) -> Expression:
        return product(Const(2), self.d_hidden)

    def module(self) -> Expression:
        keywords = (("bidirectional", Const(True)), *self.initial.arguments())
        return Call(Name(self.kind), (self.d_model, self.d_hidden), keywords)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return Recurrence.shape(self, inputs)[:1]

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("run_bidirectional", this, *inputs)
