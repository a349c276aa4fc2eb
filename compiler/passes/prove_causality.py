"""Refuses a decoder that sees the future, and any model that mixes the sentences of a batch."""

from math import inf

from compiler.ir.block import Block, holder_of
from compiler.ir.verify import CompilerBug
from compiler.mask.interval import HERE
from compiler.mask.mask import CAUSAL, Mask
from compiler.mask.relation import deciding_length, positions, rows
from compiler.ops.convolution import Convolution
from compiler.ops.recurrence import Recurrence
from compiler.passes.flow import Relations, dependence
from compiler.passes.reach import Read, batch_reach_of, reach_of, reads_of
from compiler.source.diagnostic import Diagnostic, Rejected

LONGEST_PROBE = 300
"""Positions for which the exact relation of a network is looked at."""


def prove_causality(model: Block) -> Block:
    """The model unchanged; raises `Rejected` where a target position reads a later one.

    Teacher forcing has shifted the target by one already, so a position may read its own token.
    Intervals prove it. Where they cannot, being hulls, the exact relation decides at a length after
    which all masks repeat themselves.
    """
    features = model.function("features")
    if batch_reach_of(model, features) != HERE:
        raise CompilerBug("compiler bug: the sentences of a batch see each other")
    reach = reach_of(model, features)
    if "target" in reach and reach["target"].high > 0:
        _decide(model)
    return model


def _decide(model: Block) -> None:
    """Raises `Rejected` unless the exact relation shows that the intervals were too wide."""
    features = model.function("features")
    reads = list(reads_of(model, features, "target"))
    length = max(deciding_length(each.mask) for each in reads)
    probe = Relations(min(length, LONGEST_PROBE))
    relation = dependence(model, features, probe)["target"]
    leaks = any(row >> (i + 1) for i, row in enumerate(relation))
    if leaks:
        raise Rejected(_leak(each, found) for each in reads if (found := _later(each.mask, probe)))
    if length > LONGEST_PROBE:
        raise Rejected(_unproved(each) for each in reads if each.mask & CAUSAL != each.mask)


def _later(mask: Mask, probe: Relations) -> tuple[int, int] | None:
    """The first position that reads a later one, and the furthest such: the next, if all are."""
    for i, row in enumerate(rows(mask, probe.length)):
        if row >> (i + 1):
            later = [j for j in positions(row) if j > i]
            return i, later[-1 if mask.reach and mask.reach.high < inf else 0]
    return None


def _leak(read: Read, found: tuple[int, int]) -> Diagnostic:
    i, j = found
    reader, help = _reader(read)
    return Diagnostic(
        code="not-causal",
        message=f"{_where(read)}: position {i} reads position {j}; {reader} lets a token see "
        "the ones that it is trained to predict",
        span=read.statement.origin,
        help=f"{help}: the decoder is causal by default",
    )


def _reader(read: Read) -> tuple[str, str]:
    """What reads ahead, and the way out."""
    match read.statement.op:
        case Recurrence():
            return "a recurrence in both directions", "leave `bidirectional` to the encoder"
        case Convolution(width=width):
            return f"a convolution centred in {width.value} positions", "leave `causal` out"
    text = read.mask.text
    wanted = "causal" if text == "all" else f"causal & {text if ' | ' not in text else f'({text})'}"
    return f"mask `{text}`", f"write `mask: {wanted}`, or leave `mask` out"


def _unproved(read: Read) -> Diagnostic:
    return Diagnostic(
        code="not-proved",
        message=f"{_where(read)}: mask `{read.mask.text}` repeats itself after "
        f"{deciding_length(read.mask)} positions only, so that it could not be proved causal",
        span=read.statement.origin,
        help=f"write `mask: causal & ({read.mask.text})`: if it is causal, that is the same mask",
    )


def _where(read: Read) -> str:
    """`decoder layer 6, self_attention`, from `decoder`, `layers[5:6]`, `self_attention`."""
    stack, layers, *rest = read.path
    _, first = holder_of(layers)
    return ", ".join((f"{stack} layer {first + 1}", *rest))
