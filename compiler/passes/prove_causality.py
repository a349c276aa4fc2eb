"""Refuses a decoder that sees the future, and any model that mixes the sentences of a batch."""

from compiler.ir.block import Block
from compiler.ir.verify import CompilerBug
from compiler.ops.attention import Attention
from compiler.ops.op import HERE
from compiler.passes.reach import Leak, batch_reach_of, leaks, reach_of
from compiler.source.diagnostic import Diagnostic, Rejected


def prove_causality(model: Block) -> Block:
    """The model unchanged; raises `Rejected` where a target position reads a later one.

    Teacher forcing has shifted the target by one already, so a position may read its own token.
    """
    features = model.function("features")
    if batch_reach_of(model, features) != HERE:
        raise CompilerBug("compiler bug: the sentences of a batch see each other")
    reach = reach_of(model, features)
    if "target" in reach and reach["target"].high > 0:
        found = leaks(model, features, "target", ())
        raise Rejected([_refusal(leak) for leak in found])
    return model


def _refusal(leak: Leak) -> Diagnostic:
    where = ", ".join(
        step.replace("layers", "layer 1") for step in (" ".join(leak.path[:2]), *leak.path[2:])
    )
    mask = leak.statement.op.mask.text if isinstance(leak.statement.op, Attention) else ""
    return Diagnostic(
        code="not-causal",
        message=f"{where}: position 0 reads position 1; mask `{mask}` lets a token see the "
        "ones that it is trained to predict",
        span=leak.statement.origin,
        help="write `mask: causal`, or leave `mask` out: the decoder is causal by default",
    )
