"""`mask:` to what each attention is told of it: a tensor from outside, a keyword, or a function."""

from dataclasses import dataclass, replace
from typing import Any

from compiler.ir.block import Input
from compiler.ir.build import Body
from compiler.ir.letters import letters
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
        real = body.apply(RealTokens(), keys, name=self.value.replace(f"{keys}_mask", "real"))
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
    """Those of the attentions of a model, one for each group of layers."""

    encoder: tuple[Masking, ...]
    decoder: tuple[Masking, ...]
    cross: tuple[Masking, ...]


def lower_masks(model: Model) -> Maskings:
    """From the settings of each place."""
    flex, encoder, decoder = model.kernel == "flex", model.encoder.layers, model.decoder.layers
    within = [group.self_attention.mask for group in encoder]
    after = [group.self_attention.mask for group in decoder]
    across = [group.cross_attention.mask for group in decoder]
    return Maskings(
        encoder=_maskings("encoder", within, SOURCE, SOURCE, flex=flex),
        decoder=_maskings("decoder", after, TARGET, TARGET, flex=flex),
        cross=_maskings("cross", across, TARGET, SOURCE, flex=False),
    )


def told(maskings: tuple[Masking, ...]) -> tuple[Input, ...]:
    """What layers of several groups must be given, each tensor once."""
    return tuple(dict.fromkeys(each for masking in maskings for each in masking.inputs()))


def build_all(maskings: tuple[Masking, ...], body: Body) -> list[str]:
    """The tensors of `told`, in its order."""
    wanted = told(maskings)
    makers = {masking.inputs(): masking for masking in reversed(maskings)}
    is_alone = len(wanted) == 1 and maskings[0].reads.place == "encoder"
    return [
        value for each in wanted for value in makers[(each,)].build(body, is_used_once=is_alone)
    ]


def _maskings(
    place: str, texts: list[str], queries: Free, keys: Free, *, flex: bool
) -> tuple[Masking, ...]:
    """Masks that differ are told apart by letters, in their order."""
    distinct = list(dict.fromkeys(texts))

    def masking(text: str) -> Masking:
        letter = "" if len(distinct) == 1 else f"_{letters(distinct.index(text))}"
        plain = Masking(
            reads=Predicate(place=f"{place}{letter}", mask=parse(text)),
            queries=queries,
            keys=keys,
            value=f"{keys.name}_mask",
            prefers_flex=flex,
        )
        is_own = plain.needs_positions or plain.is_flex
        return replace(plain, value=f"{plain.value}{letter}") if is_own else plain

    return tuple(masking(text) for text in texts)
