"""Chooses a kernel for each attention, and leaves out of its mask what that kernel does not need.

Lowering writes the dense kernel with the whole mask: which keys are real tokens, and which pairs of
positions the mask allows. The other kernels know some or all of it by themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from compiler.ir.block import Block, Function, Statement, shown
from compiler.mask.mask import ALL, CAUSAL
from compiler.ops.attention import (
    Attention,
    CausalAttention,
    FlexAttention,
    LocalAttention,
    local_bounds,
)
from compiler.ops.attention_bias import ScoreBias
from compiler.ops.expression import Hyperparameter
from compiler.ops.masking import FlexMask, MaskAnd, PositionMask, Tokens
from compiler.ops.op import Predicate
from compiler.transforms.rewrite import bottom_up


def select_kernel(model: Block) -> Block:
    """Return the model with the kernel that suits each mask best."""
    return bottom_up(model, lambda block: replace(block, functions=_functions(block)))


def kernel(op: Attention, *, is_self: bool) -> Attention:
    """Return the attention as the kernel that suits its mask best.

    FlexAttention and local attention know no end of a stream and no biases; `is_causal` of torch is
    only right where a stream reads itself (`is_self`).
    """
    shared = op.shared() | {"prefers_flex": False}
    if not op.biased and not op.mask.needs_length:
        if op.prefers_flex:
            return FlexAttention(**shared)
        bounds = local_bounds(op.mask) if is_self and op.soft_cap is None else None
        if bounds is not None:
            return LocalAttention(**shared, bounds=bounds)
        if is_self and op.mask == CAUSAL:
            return CausalAttention(**shared)
    return Attention(**shared)


def self_attention_kernel(reads: Predicate) -> Attention:
    """Return the kernel of self-attention with a mask, for one head."""
    one = Hyperparameter("one", 1)
    dense = Attention(heads=one, kv_heads=one, d_k=one, d_v=one, reads=reads, dropout=None)
    return kernel(dense, is_self=True)


def _functions(block: Block) -> tuple[Function, ...]:
    return tuple(
        replace(each, body=tuple(_Selection(made=_makers(each)).body(each)))
        for each in block.functions
    )


def _makers(function: Function) -> dict[str, Statement]:
    return {result: each for each in function.body for result in each.results}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """The choice for the attentions of one function; `made` are the statements by their results."""

    made: dict[str, Statement]
    written: set[str] = field(default_factory=set)

    def body(self, function: Function) -> Iterator[Statement]:
        """Yield the statements; those of a mask stand where they are needed, if they are."""
        wholes = [each for each in function.body if isinstance(each.op, MaskAnd)]
        operands = {value for each in wholes for value in each.inputs}
        for statement in function.body:
            if statement in wholes or operands.intersection(statement.results):
                continue
            if isinstance(statement.op, Attention):
                yield from self.attention(statement, statement.op)
            elif isinstance(statement.op, ScoreBias):
                *places, mask = statement.inputs
                yield from self.masked(statement, tuple(places), self.dense(self.made[mask]))
            else:
                yield statement

    def attention(self, statement: Statement, op: Attention) -> Iterator[Statement]:
        """Yield an attention and what it needs of its mask."""
        *streams, mask = statement.inputs
        if op.biased:
            yield replace(statement, op=kernel(op, is_self=True))
            return
        whole = self.made[mask]
        chosen = kernel(op, is_self=self.is_self(whole))
        yield from self.masked(
            replace(statement, op=chosen), tuple(streams), self.needed(chosen, whole)
        )

    def masked(
        self, statement: Statement, inputs: tuple[str, ...], masks: list[Statement]
    ) -> Iterator[Statement]:
        """Yield a statement after those that make its mask, the last of which it reads."""
        yield from masks
        yield replace(statement, inputs=(*inputs, *(masks[-1].results if masks else ())))

    def needed(self, chosen: Attention, whole: Statement) -> list[Statement]:
        """Return the statements that make what a kernel needs of a mask."""
        padding, positions = (self.made[each] for each in whole.inputs)
        if isinstance(chosen, FlexAttention):
            return [replace(whole, op=FlexMask(reads=chosen.reads), inputs=positions.inputs[1:])]
        if isinstance(chosen, CausalAttention):
            return []
        if isinstance(chosen, LocalAttention):
            return [self.alone(padding, whole)] if self.needs_padding(whole) else []
        return self.dense(whole)

    def dense(self, whole: Statement) -> list[Statement]:
        """Return the statements that make what the dense kernel needs of a mask."""
        padding, positions = (self.made[each] for each in whole.inputs)
        assert isinstance(positions.op, PositionMask)
        if positions.op.reads.mask == ALL:
            return [self.alone(padding, whole)] if self.needs_padding(whole) else []
        if self.needs_padding(whole):
            return [padding, positions, whole]
        return [replace(positions, results=whole.results)]

    def needs_padding(self, whole: Statement) -> bool:
        """Return whether a mask must tell padding: it comes last, so not where none reads ahead."""
        positions = self.made[whole.inputs[1]]
        assert isinstance(positions.op, PositionMask)
        offsets = positions.op.reads.mask.dependence
        return not self.is_self(whole) or (offsets is not None and offsets.high > 0)

    def is_self(self, whole: Statement) -> bool:
        """Return whether queries and keys are of one stream."""
        queries, keys = (self.made[each].op for each in self.made[whole.inputs[1]].inputs)
        return queries == keys

    def alone(self, padding: Statement, whole: Statement) -> Statement:
        """Return the mask of real tokens under the name of a mask, which needs no label."""
        tokens, (real,) = self.made[padding.inputs[0]].op, padding.results
        assert isinstance(tokens, Tokens)
        name = real.replace("real", f"{tokens.stream.name}_mask")
        return replace(
            padding, results=whole.results if shown(whole.results[0]) == "_" else (name,)
        )
