"""`mask:` to what each attention is told of it: a tensor from outside, a keyword, or a function."""

from dataclasses import dataclass
from typing import Any

from compiler.ir.block import Input
from compiler.ir.build import Body
from compiler.mask.mask import ALL, CAUSAL
from compiler.mask.parse import parse
from compiler.ops.attention import (
    Attention,
    CausalAttention,
    DenseAttention,
    FlexAttention,
    LocalAttention,
    LocalBounds,
    local_bounds,
)
from compiler.ops.expression import Literal
from compiler.ops.masking import Both, FlexMask, PositionMask, RealTokens
from compiler.ops.op import Predicate
from compiler.ops.shape import BATCH, Free, Shape
from compiler.spec.model import Attention as Settings
from compiler.spec.model import Model

SOURCE, TARGET = Free("source"), Free("target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """The mask of one place: whose queries read whose keys, and the tensor that says so, if any."""

    reads: Predicate
    queries: Free
    keys: Free
    value: str
    prefers_flex: bool = False

    @property
    def is_within(self) -> bool:
        """Whether a stream reads itself."""
        return self.queries == self.keys

    @property
    def needs_real(self) -> bool:
        """Whether it must be told of padding, which comes last: not where nothing later is read."""
        reach = self.reads.mask.reach
        return not self.is_within or (reach is not None and reach.high > 0)

    @property
    def is_flex(self) -> bool:
        """Whether blocks are left out by FlexAttention, which knows no end of a stream."""
        return self.prefers_flex and not self.reads.mask.needs_length

    @property
    def local(self) -> LocalBounds | None:
        """The chunks of the local form, where that is possible."""
        possible = self.is_within and not self.reads.mask.needs_length
        return local_bounds(self.reads.mask) if possible else None

    @property
    def needs_positions(self) -> bool:
        """Whether a tensor says which positions are read."""
        is_known = self.reads.mask == ALL or (self.is_within and self.reads.mask == CAUSAL)
        return not is_known and self.local is None

    def inputs(self) -> tuple[Input, ...]:
        """The parameter by which layers get the tensor, or the blocks."""
        if self.is_flex:
            return (Input(name=self.value, annotation="BlockMask | Tensor"),)
        if not self.needs_real and not self.needs_positions:
            return ()
        rows: Shape = (self.queries if self.needs_positions else Literal(1), self.keys)
        is_of_a_sentence = self.needs_real or self.reads.mask.needs_length
        shape = (BATCH, Literal(1), *rows) if is_of_a_sentence else rows
        return (Input(name=self.value, shape=shape),)

    def build(self, body: Body, *, is_used_once: bool = False) -> list[str]:
        """The tensor, made once for all layers."""
        if not self.inputs():
            return []
        queries, keys = self.queries.name, self.keys.name
        if self.is_flex:
            return [body.apply(FlexMask(reads=self.reads), keys, name=self.value)]
        if not self.needs_positions:
            name = "_" if is_used_once else self.value
            return [body.apply(RealTokens(), keys, name=name)]
        positions = PositionMask(reads=self.reads)
        if not self.needs_real:
            return [body.apply(positions, queries, keys, name=self.value)]
        real = body.apply(RealTokens(), keys, name="real")
        return [body.apply(Both(), real, body.apply(positions, queries, keys), name=self.value)]

    def attention(self, **numbers: Any) -> Attention:
        """The op, in the form that suits the mask best."""
        if self.is_flex:
            return FlexAttention(reads=self.reads, **numbers)
        if self.local is not None:
            return LocalAttention(reads=self.reads, bounds=self.local, **numbers)
        is_causal = self.is_within and self.reads.mask == CAUSAL
        return (CausalAttention if is_causal else DenseAttention)(reads=self.reads, **numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maskings:
    """Those of the three attentions of a model."""

    encoder: Masking
    decoder: Masking
    cross: Masking


def lower_masks(model: Model) -> Maskings:
    """From the settings of each place."""
    flex = model.kernel == "flex"
    encoder, decoder = model.encoder.self_attention, model.decoder.self_attention
    cross = Predicate(place="cross", mask=parse(model.decoder.cross_attention.mask))
    return Maskings(
        encoder=_within("encoder", encoder, SOURCE, flex=flex),
        decoder=_within("decoder", decoder, TARGET, flex=flex),
        cross=Masking(reads=cross, queries=TARGET, keys=SOURCE, value="source_mask"),
    )


def _within(place: str, settings: Settings, stream: Free, *, flex: bool) -> Masking:
    return Masking(
        reads=Predicate(place=place, mask=parse(settings.mask)),
        queries=stream,
        keys=stream,
        value=f"{stream.name}_mask",
        prefers_flex=flex,
    )
