"""`decoding:` as transformers says it: a `generation_config.json`, and verdicts on settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from compiler.export.target import Place, Rules
from compiler.export.verdict import Verdict, left_out, said, said_otherwise
from compiler.spec.decoding import BeamSearch, Decoding, Sampling
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS

FILE = "generation_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One setting in the words of transformers.

    `exact` settings mean there what they mean here; others stand for it where that is not known, as
    the words tell; and some are left out.
    """

    kind: Literal["exact", "near", "missing"] = "exact"
    config: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """The numbers of symbols in the exported vocabulary."""

    padding: int | None = 0
    begin: int = 2
    end: int = 3
    ends: tuple[int, ...] = ()
    """The further tokens that end a text, which `decoding.ends` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The settings of `generate` for a spec, and what they leave out."""

    config: dict[str, Any]
    """The content of a generation_config.json."""
    missing: tuple[str, ...]
    """Settings that transformers does not know, a line each, with what stands in their place."""


def generation_config(
    spec: Spec, symbols: Symbols | None = None, prefix: Sequence[int] = ()
) -> Generation:
    """Return what `generate` is told of a spec that has a decoder.

    `prefix` are the tokens of `decoding.prefix`. What can never be chosen here has no probability
    there, either.
    """
    own = symbols or Symbols()
    never = {own.padding, own.begin} - {own.end, None}
    config: dict[str, Any] = {
        "bos_token_id": own.begin,
        "eos_token_id": [own.end, *own.ends] if own.ends else own.end,
        "pad_token_id": own.end if own.padding is None else own.padding,
        "suppress_tokens": sorted(each for each in never if each is not None),
    }
    if TASKS[spec.task].reads_a_source:
        config["decoder_start_token_id"] = own.begin
    sayings = {key: saying_of(spec, key) for key in type(spec.decoding).model_fields}
    for each in sayings.values():
        config |= each.config
    if len(prefix) == 1:
        config |= _forced(spec, config, prefix[0])
    missing = [
        f"decoding.{key} {_shown(spec, key)} -> {each.words}"
        for key, each in sayings.items()
        if each.kind != "exact" and not (key == "prefix" and len(prefix) == 1)
    ]
    if len(prefix) == 1 and _is_searched(spec.decoding) and config["length_penalty"]:
        words = "forced_bos_token_id, which counts in the length that divides a score"
        missing.append(f"decoding.prefix {_shown(spec, 'prefix')} -> {words}")
    return Generation(config=dict(sorted(config.items())), missing=tuple(missing))


def _forced(spec: Spec, config: Mapping[str, Any], token: int) -> dict[str, Any]:
    """Return the settings by which a text begins with a token, which is a new one of it there."""
    positions = spec.model.positions
    most = config["max_new_tokens"] + 1
    found = {
        "forced_bos_token_id": token,
        "max_new_tokens": most if positions is None else min(most, positions - 1),
    }
    least = "min_new_tokens"
    return found | ({least: config[least] + 1} if least in config else {})


def _shown(spec: Spec, key: str) -> str:
    return f"{getattr(spec.decoding, key)}"


def saying_of(spec: Spec, key: str) -> Saying:
    """Return what transformers is told of a setting of `decoding:`."""
    return SAYINGS[key](spec, spec.decoding)


def _verdict(place: Place) -> Verdict:
    """Return the verdict on a setting of `decoding:`, for the tables of formats."""
    found = saying_of(place.spec, place.field)
    if found.kind == "exact":
        return said()
    verdict = left_out if found.kind == "missing" else said_otherwise
    return verdict(f"{place.field} {place.value}: {found.words}")


def _is_searched(decoding: Decoding) -> bool:
    """Return whether several hypotheses are compared."""
    return isinstance(decoding, BeamSearch) and decoding.beam > 1


def _kind(_spec: Spec, decoding: Any) -> Saying:
    return Saying(config={"do_sample": decoding.draws})


def _beam(_spec: Spec, decoding: Any) -> Saying:
    return Saying(config={"num_beams": decoding.beam})


def _length_penalty(_spec: Spec, decoding: Any) -> Saying:
    if not _is_searched(decoding):
        return Saying()
    if decoding.normalization == "gnmt" and decoding.length_penalty:
        return Saying(config={"length_penalty": 1.0})
    return Saying(config={"length_penalty": decoding.length_penalty})


def _normalization(_spec: Spec, decoding: Any) -> Saying:
    if not _is_searched(decoding) or decoding.normalization == "length":
        return Saying()
    if not decoding.length_penalty:
        return Saying()
    return Saying(kind="near", words="length_penalty 1.0, a division by the length")


def _stop(_spec: Spec, decoding: Any) -> Saying:
    if not _is_searched(decoding):
        return Saying()
    return Saying(config={"early_stopping": True if decoding.stop == "beam" else "never"})


def _min_length(_spec: Spec, decoding: Any) -> Saying:
    return Saying(config={"min_new_tokens": decoding.min_length} if decoding.min_length else {})


def most_new_tokens(spec: Spec) -> int:
    """Return the most tokens that any text may have; one that reaches them has no END there."""
    decoding, positions = spec.decoding, spec.model.positions
    if not TASKS[spec.task].reads_a_source:
        return decoding.max_extra_length
    limits = [spec.data.max_length - 1 + decoding.max_extra_length]
    if positions is not None:
        limits = [min(limits[0], positions - 1 + decoding.max_extra_length), positions - 1]
    if decoding.max_length is not None:
        limits.append(decoding.max_length)
    return min(limits)


def _max_extra_length(spec: Spec, _decoding: Any) -> Saying:
    config = {"max_new_tokens": most_new_tokens(spec)}
    if not TASKS[spec.task].reads_a_source:
        if (positions := spec.model.positions) is None:
            return Saying(config=config)
        words = (
            f"max_new_tokens {most_new_tokens(spec)}; a text of more than {positions} is refused"
        )
        return Saying(kind="near", config=config, words=words)
    words = f"max_new_tokens {most_new_tokens(spec)}, the same for every sentence"
    return Saying(kind="near", config=config, words=words)


def _max_length(spec: Spec, decoding: Any) -> Saying:
    if decoding.max_length is None or TASKS[spec.task].reads_a_source:
        return Saying()
    return Saying(kind="missing", words="left out, since the length of the prompt counts")


def _no_repeat_ngram(_spec: Spec, decoding: Any) -> Saying:
    ngram = decoding.no_repeat_ngram
    return Saying(config={} if ngram is None else {"no_repeat_ngram_size": ngram})


def _repetition_penalty(_spec: Spec, decoding: Any) -> Saying:
    penalty = decoding.repetition_penalty
    if penalty in (None, 1.0):
        return Saying()
    config = {"repetition_penalty": penalty}
    if not _is_searched(decoding):
        return Saying(config=config)
    words = "in a beam search it changes log-probabilities there, and logits here"
    return Saying(kind="near", config=config, words=words)


def _prefix(_spec: Spec, decoding: Any) -> Saying:
    if decoding.prefix is None:
        return Saying()
    words = "one token is `forced_bos_token_id`; give several as `decoder_input_ids`"
    return Saying(kind="missing", words=words)


def _ends(_spec: Spec, decoding: Any) -> Saying:
    if decoding.ends is None:
        return Saying()
    return Saying(kind="near", words="eos_token_id; the text keeps the token that ends it")


def _temperature(_spec: Spec, decoding: Any) -> Saying:
    return Saying(config={"temperature": decoding.temperature})


def _top_k(_spec: Spec, decoding: Any) -> Saying:
    return Saying(config={"top_k": decoding.top_k or 0})


def _top_p(_spec: Spec, decoding: Any) -> Saying:
    config = {"top_p": decoding.top_p}
    if decoding.top_k is None or decoding.top_p == 1:
        return Saying(config=config)
    return Saying(kind="near", config=config, words="a share among the top_k tokens, not among all")


def _seed(_spec: Spec, _decoding: Any) -> Saying:
    return Saying(kind="missing", words="give it to `transformers.set_seed`; other draws follow")


SAYINGS: dict[str, Callable[[Spec, Any], Saying]] = {
    "kind": _kind,
    "beam": _beam,
    "length_penalty": _length_penalty,
    "normalization": _normalization,
    "stop": _stop,
    "min_length": _min_length,
    "max_extra_length": _max_extra_length,
    "max_length": _max_length,
    "no_repeat_ngram": _no_repeat_ngram,
    "repetition_penalty": _repetition_penalty,
    "prefix": _prefix,
    "ends": _ends,
    "temperature": _temperature,
    "top_k": _top_k,
    "top_p": _top_p,
    "seed": _seed,
}
"""What transformers is told of each setting of `decoding:`."""

METHODS: tuple[type[Decoding], ...] = (BeamSearch, Sampling)
GENERATION_RULES: Rules = {f"Decoding.{key}": _verdict for key in Decoding.model_fields} | {
    f"{method.__name__}.{key}": _verdict for method in METHODS for key in method.model_fields
}
"""The rules of formats whose texts `generate` of transformers writes."""
