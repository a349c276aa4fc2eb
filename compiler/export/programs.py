"""Graphs of the generated code, as programs of torch.export or as ONNX.

They compute what the code computes, so that they say all settings of a network but those for which
its code has no graph of texts of any length.
"""

from compiler.export.target import CodeTable, Place, Rules
from compiler.export.tokenizer import TOKENIZER_RULES
from compiler.export.verdict import Verdict, refused, said, said_otherwise
from compiler.mask.mask import Mask
from compiler.mask.parse import parse
from compiler.ops.attention import local_bounds
from compiler.ops.op import Cache, Predicate

DENSE_EXPERTS = "every expert reads every token, and one that is not chosen weighs nothing"
ALL_PAIRS = "scores of all pairs of positions are computed, and all keys are kept; masks choose"
SHORT, FAR = (1, 2, 3, 5, 8), 64
"""Lengths of sources with which masks are tried, and the number of positions of the target."""
GREEDY = "tokens are not drawn: the search is greedy"


def _recurrence(place: Place) -> Verdict:
    if place.stack != "encoder":
        return said()
    return refused(
        "has no graph of a recurrence in the encoder, which is unrolled for texts of one length"
    )


def _matrix(place: Place) -> Verdict:
    """Return the verdict on a state that is a matrix: what is read at once, is read in chunks."""
    if place.stack != "encoder":
        return refused(
            f"has no graph of a step of `{place.path[-2]}`, which differs for one hypothesis and "
            "for several"
        )
    return refused(
        f"has no graph of `{place.path[-2]}` in the encoder, which reads as many chunks as a text "
        "has"
    )


def _mask(place: Place) -> Verdict:
    """Return the verdict on a mask: whether its kernel or its cache leaves out what it forbids."""
    if not isinstance(place.value, str):
        return said()
    mask = parse(place.value)
    cache = Cache(reads=Predicate(place="decoder", mask=mask))
    is_dense = local_bounds(mask) is None and not cache.is_partial
    return said() if is_dense else said_otherwise(ALL_PAIRS)


def _mask_of_onnx(place: Place) -> Verdict:
    """Return the verdict on a mask, which must leave each position something to read.

    The code gives zeros where nothing is read; ONNX's softmax gives all keys the same weight.
    """
    is_across = place.attention == "cross_attention"
    if is_across and isinstance(place.value, str) and may_read_nothing(parse(place.value)):
        return refused(
            "weighs all keys alike where a mask leaves a position nothing to read, as this one "
            "does beyond the end of a source"
        )
    return _mask(place)


def may_read_nothing(mask: Mask) -> bool:
    """Return whether a position of a target may read no position of a shorter source."""
    return any(
        not any(mask.predicate(position, key, length) for key in range(length))
        for length in SHORT
        for position in range(FAR)
    )


LIMITS = "min_length max_extra_length max_length prefix ends"
REPETITION = "no_repeat_ngram repetition_penalty"
BEAM = "beam length_penalty normalization stop"
DRAWS = "kind temperature top_k top_p seed"


def _keys(section: str, names: str) -> str:
    return " ".join(f"{section}.{each}" for each in names.split())


RULES: Rules = {
    **TOKENIZER_RULES,
    "Recurrence.kind": _recurrence,
    "MatrixMixer.heads": _matrix,
    "Attention.mask HeadMask.mask": _mask,
    "Experts.count": said_otherwise(DENSE_EXPERTS),
    _keys("Decoding", f"kind {LIMITS} {REPETITION}"): said(),
    _keys("BeamSearch", BEAM): said(),
    _keys("Sampling", DRAWS): said_otherwise(GREEDY),
}
"""The search of a folder reads the settings of `decoding:` that are named here, and no others."""


TORCH = CodeTable(name="torch", title="torch.export", option="--to torch", rules=RULES)
ONNX = CodeTable(
    name="onnx",
    title="ONNX",
    option="--to onnx",
    rules={**RULES, "Attention.mask HeadMask.mask": _mask_of_onnx},
)
