"""Recurrences whose state is a matrix, read in chunks: linear attention in all its forms.

A chunk is read after a state by one function, of any number of positions: all chunks of a text one
after the other in training, and a chunk of one position in a step of decoding.
"""

from dataclasses import dataclass
from typing import ClassVar

from compiler.mask.mask import ALL, CAUSAL, Mask
from compiler.ops.caption import Caption
from compiler.ops.expression import Const, Expression, Helper, Hyperparameter, call
from compiler.ops.mixer import Mixer
from compiler.ops.op import Complexity, Cost, Op, Stored, Unpackable, Untraceable
from compiler.ops.shape import BATCH, BEAM, Lengths, Shape, ShapeError, require, same, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Mixer):
    """query, key [batch, heads, position, d_k], value [batch, heads, position, d_v] and decay
    [batch, heads, position, 1 or d_k], a logarithm -> [batch, heads, position, d_v].

    A second result is the last state. With `both`, a second state begins at the end of each text,
    and what both give is added up. With `fused`, a GPU that has the kernels of
    flash-linear-attention reads whole texts by them.
    """

    field: ClassVar[str] = "matrix"
    title: ClassVar[str] = "Linear Attention"
    chosen_by: ClassVar[tuple[str, ...]] = ("kernel",)

    heads: Hyperparameter
    d_k: Hyperparameter
    d_v: Hyperparameter
    by_number: bool = False
    both: bool = False
    fused: bool = False

    @property
    def work(self) -> int:
        """Operations in a chunk, besides those of attention, for a pair of positions of a head."""
        return 0

    @property
    def caption(self) -> Caption:
        words = f"{self.heads.value} × {self.d_k.value} × {self.d_v.value}"
        return Caption(title=self.title, kind="mixer", words=words, block=self.title)

    @property
    def reader(self) -> str:
        """The function that reads a chunk after a state."""
        return "read_by_number" if self.by_number else "read_by_head"

    @property
    def fused_reader(self) -> str:
        """The function that reads a whole text, on a GPU by a kernel."""
        return "read_by_gla" if self.by_number else "read_by_simple_gla"

    @property
    def chunk(self) -> int:
        """The positions of a chunk.

        Where each number has its decay, products of decays are divided by each other: no more of
        them are multiplied than a float32 can hold, if each is e^-5 or more.
        """
        return 16 if self.by_number else 64

    def boundaries(self) -> tuple[int, ...]:
        return (self.chunk,)

    @property
    def mask(self) -> Mask:
        return ALL if self.both else CAUSAL

    def explain_leak(self, mask: Mask) -> tuple[str, str]:
        return "a state from the end of the text", "leave `bidirectional` to the encoder"

    def complexity(self, *, is_self: bool) -> Complexity:
        return Complexity(per_layer=f"n d^2 / {self.heads.value}", sequential=f"n / {self.chunk}")

    @property
    def memory(self) -> str:
        return "MatrixState"

    @property
    def memory_arguments(self) -> tuple[Expression, ...]:
        return (Helper(self.reader), Const(self.chunk))

    @property
    def carried(self) -> int:
        return size(self.heads, {}) * size(self.d_k, {}) * size(self.d_v, {})

    @property
    def memory_tensors(self) -> tuple[Stored, ...]:
        shape = (BATCH, BEAM, self.heads, self.d_k, self.d_v)
        return (Stored(name="matrix", shape=shape),)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, key, value, decay, *_ = inputs
        require(query[-1:], (self.d_k,), "scan")
        require(key, query, "scan")
        require(value, (*query[:3], self.d_v), "scan")
        if not all(same(each[1], self.heads) for each in (query, value, decay)):
            raise ShapeError(f"scan: expected {size(self.heads, {})} heads")
        return (value,) if self.both else (value, ())

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        """Return products within chunks, and those with the state, which each chunk replaces."""
        batch, heads, position, _ = (size(each, lengths) for each in inputs[0])
        rows, chunk = batch * heads * position, min(self.chunk, position)
        d_k, d_v = size(self.d_k, lengths), size(self.d_v, lengths)
        flops = rows * (chunk * (2 * (d_k + d_v) + self.work) + 4 * d_k * d_v)
        states = rows * d_k * d_v // chunk
        kept = rows * (4 * d_k + 2 * d_v + 2 * chunk) + states
        both = 2 if self.both else 1
        return Cost(flops=both * flops, saved_for_backward=both * kept)

    def packed(self, inputs: int) -> Unpackable:
        return Unpackable(reason="a state would go on from one sentence to the next")

    def traceable(self) -> Untraceable:
        return Untraceable(reason="a text is read in as many chunks as it has")

    def untraceable_step(self) -> Untraceable:
        return Untraceable(reason="a recorded step differs for one hypothesis and for several")

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        run = self.fused_reader if self.fused else "read_in_chunks"
        given = (Helper(self.reader), Const(self.chunk), *inputs)
        return call("read_both_ways", Helper(run), *given) if self.both else call(run, *given)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpaceScan(Scan):
    """The scan of Mamba-2: queries and keys are what its paper calls C and B, values x."""

    title: ClassVar[str] = "State Space"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaScan(Scan):
    """A scan by the delta rule, with a rate [batch, heads, position, 1] as fifth input: of a key,
    the state forgets that share of what it holds, and learns that share of the value.

    Within a chunk, all that is learned is the solution of one triangular system (the WY form, Yang
    et al. 2024, equations 8 to 10).
    """

    title: ClassVar[str] = "Delta Net"

    @property
    def reader(self) -> str:
        return "read_by_delta_rule"

    @property
    def fused_reader(self) -> str:
        return "read_by_gated_delta_rule"

    @property
    def work(self) -> int:
        return 2 * size(self.d_k, {}) + size(self.d_v, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDecay(Op):
    """query [batch, heads, position, d_k] -> the logarithms of decays [batch, heads, position, 1],
    those of retention (Sun et al. 2023, equation 8).
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("decay",)

    @property
    def caption(self) -> Caption:
        return Caption()

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        ((*rows, _),) = inputs
        return ((*rows, Const(1)),)

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        return (None,) * inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("fixed_decay", *inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedDecay(Op):
    """x [...] -> the logarithm of sigmoid(x)^(1/16), -5 at least (Yang et al. 2024, section 4.4)"""

    chosen_by: ClassVar[tuple[str, ...]] = ("decay",)

    @property
    def caption(self) -> Caption:
        return Caption(title="Decay")

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return inputs

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("gated_decay", *inputs)
