"""`mask:` to what each attention is told of it: a tensor from outside, a keyword, or a function."""

from dataclasses import dataclass, replace
from typing import Any

from compiler.ir.block import Input
from compiler.ir.build import Body
from compiler.ir.letters import letters
from compiler.lower.settings import given
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
from compiler.spec.anatomy import ATTENTIONS
from compiler.spec.model import Model

SOURCE, TARGET = Free("source"), Free("target")
STREAMS = {"encoder": SOURCE, "decoder": TARGET}


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
    """Those of the attentions of a model: by stack and sub-layer, one for each group of layers."""

    places: dict[tuple[str, str], tuple[Masking | None, ...]]

    def of(self, stack: str, sub_layer: str, group: int) -> Masking:
        """That of one place."""
        return given(self.places[stack, sub_layer][group])

    def told(self, stack: str) -> tuple[Input, ...]:
        """What the layers of a stack must be given, each tensor once."""
        return tuple(self._makers(stack))

    def build(self, stack: str, body: Body) -> list[str]:
        """The tensors of `told`, in its order."""
        makers = self._makers(stack)
        is_alone = len(makers) == 1 and stack == "encoder"
        return [
            value
            for masking in makers.values()
            for value in masking.build(body, is_used_once=is_alone)
        ]

    def _makers(self, stack: str) -> dict[Input, Masking]:
        every = [each for sub_layer in ATTENTIONS for each in self.places[stack, sub_layer]]
        found: dict[Input, Masking] = {}
        for masking in every:
            for each in masking.inputs() if masking else ():
                found.setdefault(each, given(masking))
        return found


def lower_masks(model: Model) -> Maskings:
    """From the settings of each place."""
    places = {}
    for stack, settings in model.stacks():
        for sub_layer in ATTENTIONS:
            found = [getattr(group, sub_layer) for group in settings.layers]
            texts = [None if each is None else each.mask for each in found]
            flex = model.kernel == "flex"
            places[stack, sub_layer] = _maskings(stack, sub_layer, texts, flex=flex)
    return Maskings(places=places)


def _maskings(
    stack: str, sub_layer: str, texts: list[str | None], *, flex: bool
) -> tuple[Masking | None, ...]:
    """Masks that differ are told apart by letters, in their order."""
    distinct = [each for each in dict.fromkeys(texts) if each is not None]
    is_within = sub_layer == "self_attention"
    queries = STREAMS[stack]
    keys = queries if is_within else SOURCE

    def masking(text: str) -> Masking:
        letter = "" if len(distinct) == 1 else f"_{letters(distinct.index(text))}"
        plain = Masking(
            reads=Predicate(place=f"{stack if is_within else 'cross'}{letter}", mask=parse(text)),
            queries=queries,
            keys=keys,
            value=f"{keys.name}_mask",
            prefers_flex=flex and is_within,
        )
        is_own = plain.needs_positions or plain.is_flex
        return replace(plain, value=f"{plain.value}{letter}") if is_own else plain

    return tuple(None if text is None else masking(text) for text in texts)
