"""Chooses a kernel for each attention, and leaves out of its mask what that kernel does not need.

Lowering writes the dense kernel with the whole mask: which keys are real tokens, and which pairs of
positions the mask allows. The other kernels know some or all of it by themselves.
"""

from dataclasses import dataclass, replace

from compiler.ir.block import Block, Function, Statement, shown
from compiler.mask.mask import ALL, CAUSAL
from compiler.ops.attention import (
    Attention,
    CausalAttention,
    FlexAttention,
    LocalAttention,
    local_bounds,
)
from compiler.ops.masking import FlexMask, MaskAnd, PositionMask, Tokens
from compiler.ops.op import Op, Predicate
from compiler.transforms.rewrite import bottom_up


def select_kernel(model: Block) -> Block:
    """Return the model with the kernel that suits each mask best."""
    return bottom_up(
        model, lambda block: replace(block, functions=tuple(map(_selected, block.functions)))
    )


def kernel(op: Attention, *, is_self: bool) -> Attention:
    """Return the attention as the kernel that suits its mask best.

    FlexAttention and local attention take no biases and no masks that depend on the length, and
    the dense kernel alone keeps documents apart.
    `is_causal` of torch is right only where a stream reads itself (`is_self`).
    """
    shared = op.shared() | {"prefers_flex": False}
    if not op.biased and not op.apart and not op.mask.needs_length:
        if op.prefers_flex:
            return FlexAttention(**shared)
        bounds = local_bounds(op.mask) if is_self and op.soft_cap is None else None
        if bounds is not None:
            return LocalAttention(**shared, bounds=bounds)
        if is_self and op.mask == CAUSAL:
            return CausalAttention(**shared)
    return Attention(**shared)


def _selected(function: Function) -> Function:
    """Return the function with kernels; what is left of a mask stands before what reads it."""
    made = {result: each for each in function.body for result in each.results}
    masks = [_Mask.of(each, made) for each in function.body if isinstance(each.op, MaskAnd)]
    by_value = {mask.whole.results[0]: mask for mask in masks}
    replaced = [each for mask in masks for each in (mask.padding, mask.positions, mask.whole)]
    body = list[Statement]()
    for statement in (each for each in function.body if each not in replaced):
        *others, last = statement.inputs or ("",)
        mask = by_value.get(last)
        if isinstance(statement.op, Attention):
            is_self = mask is None or mask.is_self
            statement = replace(statement, op=kernel(statement.op, is_self=is_self))
        if mask and isinstance(statement.op, Op):
            needed = mask.needed(statement.op)
            body += needed
            inputs = (*others, *(needed[-1].results if needed else ()))
            statement = replace(statement, inputs=inputs)
        body.append(statement)
    return replace(function, body=tuple(body))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mask:
    """The mask of an attention: `whole` allows what both `padding` and `positions` allow."""

    whole: Statement
    padding: Statement
    positions: Statement
    reads: Predicate
    queries: Tokens
    keys: Tokens

    @classmethod
    def of(cls, whole: Statement, made: dict[str, Statement]) -> "_Mask":
        """Return a mask as lowering has written it."""
        padding, positions = (made[each] for each in whole.inputs)
        queries, keys = (made[each].op for each in positions.inputs)
        assert isinstance(positions.op, PositionMask)
        assert isinstance(queries, Tokens)
        assert isinstance(keys, Tokens)
        return cls(
            whole=whole,
            padding=padding,
            positions=positions,
            reads=positions.op.reads,
            queries=queries,
            keys=keys,
        )

    @property
    def is_self(self) -> bool:
        """Return whether queries and keys are of one stream."""
        return self.queries == self.keys

    @property
    def needs_padding(self) -> bool:
        """Return whether the kernel needs the mask of real tokens.

        Padding comes last in a text, so self-attention that never reads ahead does not see it.
        """
        offsets = self.reads.mask.dependence
        return not self.is_self or (offsets is not None and offsets.high > 0)

    def needed(self, op: Op) -> list[Statement]:
        """Return the statements that make what an op needs of the mask."""
        if isinstance(op, FlexAttention):
            blocks = FlexMask(reads=self.reads, reads_ahead=self.needs_padding)
            return [replace(self.whole, op=blocks, inputs=self.positions.inputs[1:])]
        if isinstance(op, CausalAttention):
            return []
        if isinstance(op, LocalAttention) or self.reads.mask == ALL:
            return [self.padding_alone()] if self.needs_padding else []
        if self.needs_padding:
            return [self.padding, self.positions, self.whole]
        return [replace(self.positions, results=self.whole.results)]

    def padding_alone(self) -> Statement:
        """Return the mask of real tokens, under the name that the whole mask would have."""
        if shown(self.whole.results[0]) == "_":
            return replace(self.padding, results=self.whole.results)
        (real,) = self.padding.results
        name = real.replace("real", f"{self.keys.stream.name}_mask")
        return replace(self.padding, results=(name,))
