"""Refuses a decoder that sees the future."""

from compiler.analysis.dependence import Read, dependence_of, reads_of
from compiler.ir.block import Block
from compiler.mask.relation import later_read
from compiler.ops.op import Op
from compiler.source.diagnostic import Diagnostic, Rejected


def prove_causality(model: Block) -> Block:
    """Return the model unchanged; raises `Rejected` where a target position reads a later one.

    Teacher forcing has shifted the target by one already, so a position may read its own token.
    Intervals of offsets prove it in most cases. Where they are too wide, each mask is decided by
    itself: if no mask reads ahead, no path through several masks does.
    """
    features = model.function("features")
    offsets = dependence_of(model, features)
    if "target" in offsets and offsets["target"].high > 0:
        wrong = [_judged(read) for read in reads_of(model, features, "target")]
        if found := [each for each in wrong if each]:
            raise Rejected(found)
    return model


def _judged(read: Read) -> Diagnostic | None:
    """Return the diagnostic of a read that is not causal or cannot be proved."""
    if read.mask.dependence is None or read.mask.dependence.high <= 0:
        return None
    try:
        found = later_read(read.mask)
    except ValueError as error:
        return _unproved(read, str(error))
    return _leak(read, found) if found else None


def _leak(read: Read, found: tuple[int, int]) -> Diagnostic:
    i, j = found
    assert isinstance(read.statement.op, Op)
    reader, help = read.statement.op.explain_leak(read.mask)
    return Diagnostic(
        code="not-causal",
        message=f"{_where(read)}: position {i} reads position {j}; {reader} lets a token see "
        "the ones that it is trained to predict",
        span=read.statement.origin,
        help=f"{help}: the decoder is causal by default",
    )


def _unproved(read: Read, why: str) -> Diagnostic:
    return Diagnostic(
        code="not-proved",
        message=f"{_where(read)}: mask `{read.mask.text}` could not be proved causal: {why}",
        span=read.statement.origin,
        help=f"write `mask: causal & ({read.mask.text})`: if it is causal, that is the same mask",
    )


def _where(read: Read) -> str:
    """Return the place of a read in words: `decoder layer 6, self_attention`."""
    stack, layer, *rest = read.path
    return ", ".join((f"{stack} {layer}", *rest))
