"""Values that keys of a published folder's JSON files may have.

The keys are those that readings, symbols, labels and tokenizers use.

Keys of the table of a family are not here: settings of a spec say what they may be.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of values: its name for messages, and how it is told."""

    words: str
    holds: Callable[[object], bool]


MOST = 2**31
"""A bound for whole numbers: a larger one is a mistake, and no size."""


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < MOST


def _is_positive(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(number := float(str(value))) and number > 0


def _is_list(value: object, is_one: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(map(is_one, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_token(value: object) -> bool:
    return _is_whole(value, -1)


def _is_named_token(value: object) -> bool:
    """Return whether a value is the text of a token, or has it beside its properties."""
    return _is_text(value.get("content") if isinstance(value, dict) else value)


def _are_added(value: object) -> bool:
    """Return whether a value is tokens by their numbers, as tokenizer_config.json has them."""
    return isinstance(value, dict) and all(
        str(number).isdecimal() and isinstance(token, dict) and _is_named_token(token)
        for number, token in value.items()
    )


def _are_labels(value: object) -> bool:
    """Return whether numbers from 0 on have labels, each a text or a number."""
    if not isinstance(value, dict) or any(isinstance(each, dict | list) for each in value.values()):
        return False
    return {str(each) for each in value} == {str(each) for each in range(len(value))}


SIZE = Kind("a whole number, at least 1", lambda value: _is_whole(value, 1))
COUNT = Kind("a whole number, at least 0", lambda value: _is_whole(value, 0))
NUMBER = Kind("a number above 0", _is_positive)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
FLAGS = Kind("a list of 0 and 1", lambda value: _is_list(value, lambda each: each in (0, 1)))
TEXT = Kind("a text", _is_text)
TEXTS = Kind("a list of texts", lambda value: _is_list(value, _is_text))
WORDS = Kind(
    "a text, or a list of them", lambda value: _is_text(value) or _is_list(value, _is_text)
)
KEYS = Kind("keys and values", lambda value: isinstance(value, dict))
NAMED = Kind(
    "a list of tokens, or tokens by name",
    lambda value: isinstance(value, dict) or _is_list(value, _is_named_token),
)
ADDED = Kind("tokens by their numbers", _are_added)
TOKEN = Kind("the number of a token", _is_token)
TOKENS = Kind(
    "the number of a token, or a list of them",
    lambda value: _is_token(value) or _is_list(value, _is_token),
)
LABELS = Kind("a label for each number from 0 on", _are_labels)

KINDS: dict[Kind, tuple[str, ...]] = {
    SIZE: (
        *("head_dim", "num_key_value_heads", "sliding_window", "n_inner", "num_decoder_layers"),
        *("num_layers", "max_position_embeddings", "decoder_vocab_size", "num_labels"),
        *("sliding_window_pattern", "_sliding_window_pattern", "max_seq_length"),
        *("no_rope_layer_interval", "num_experts", "num_local_experts"),
        *("original_max_position_embeddings", "word_embedding_dimension", "embedding_dimension"),
    ),
    COUNT: ("max_window_layers", "type_vocab_size", "extra_ids"),
    NUMBER: (
        *("rope_theta", "rope_local_base_freq", "partial_rotary_factor", "factor"),
        *("low_freq_factor", "high_freq_factor", "query_pre_attn_scalar"),
    ),
    FLAG: (
        *("tie_word_embeddings", "use_sliding_window", "scale_decoder_outputs", "do_lower_case"),
        "pooling_mode_*",
    ),
    TEXT: (
        *("model_type", "feed_forward_proj", "rope_type", "type", "default_prompt_name"),
        *("similarity_fn_name", "tokenizer_class"),
    ),
    TEXTS: ("layer_types", "architectures"),
    FLAGS: ("no_rope_layers",),
    WORDS: ("pooling_mode",),
    KEYS: ("rope_scaling", "rope_parameters", "full_attention", "sliding_attention"),
    TOKENS: ("eos_token_id", "forced_eos_token_id"),
    TOKEN: ("*_token_id",),
    NAMED: ("additional_special_tokens", "extra_special_tokens"),
    ADDED: ("added_tokens_decoder",),
    LABELS: ("id2label",),
}
"""The keys of each kind, also those inside of others; in them `*` stands for any text."""


def kind_of(key: str) -> Kind | None:
    """Return the kind of the values of a key, if there is one."""
    found = (
        kind for kind, keys in KINDS.items() if any(fnmatchcase(key, pattern) for pattern in keys)
    )
    return next(found, None)


def misfits(key: str, value: object) -> Iterator[tuple[tuple[str, ...], Kind]]:
    """Yield the places of values that are of another kind: of a key, and of those inside of it.

    `null` is no value, and so never wrong.
    """
    kind = kind_of(key)
    if value is not None and kind is not None and not kind.holds(value):
        yield (key,), kind
    elif kind is KEYS and isinstance(value, dict):
        for inner, each in value.items():
            yield from (((key, *path), wrong) for path, wrong in misfits(str(inner), each))
