"""Rules for `decoding:` in the table of CTranslate2: the arguments of a call that stand for it."""

from compiler.export.target import Place, Rules
from compiler.export.verdict import Verdict, left_out, said, said_otherwise
from compiler.spec.ctranslate2_search import not_honoured
from compiler.spec.decoding import Decoding

ARGUMENTS = {
    "kind": "the arguments",
    "min_length": "`min_decoding_length`",
    "max_extra_length": "`max_decoding_length`",
    "max_length": "`max_decoding_length`",
    "no_repeat_ngram": "`no_repeat_ngram_size`",
    "repetition_penalty": "`repetition_penalty`",
    "prefix": "`target_prefix`",
    "ends": "`end_token`",
    "beam": "`beam_size`",
    "length_penalty": "`length_penalty`",
    "temperature": "`sampling_temperature`",
    "top_k": "`sampling_topk`",
    "top_p": "`sampling_topp`",
}
"""The settings of `decoding:` that a call has arguments for."""


def _rule(place: Place) -> Verdict:
    """Return the verdict on a setting of `decoding:`."""
    argument, name = ARGUMENTS.get(place.field), place.field
    reason = not_honoured(place.spec).get(name)
    if reason is not None:
        return left_out(f"{argument} of the call, but {reason}" if argument else reason)
    return said(f"{argument} of the call") if argument else said()


def _normalization(place: Place) -> Verdict:
    if place.value == "length":
        return said()
    return said_otherwise("divisors of `length`, or the n best ranked again")


DECODING_RULES: Rules = {
    **{f"Decoding.{name}": _rule for name in Decoding.model_fields},
    "BeamSearch.beam BeamSearch.length_penalty BeamSearch.stop": _rule,
    "BeamSearch.normalization": _normalization,
    "Sampling.temperature Sampling.top_k Sampling.top_p Sampling.seed": _rule,
}
