"""Settings of a spec as keys of config.json, where that is more than a table.

Each function undoes the reading of the same name in `compiler/weights/readings.py`. What it cannot
say it leaves out: the configuration is read again, and compared with the spec.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from compiler.export.coordinates import positions_of
from compiler.export.huggingface.settings import look_up
from compiler.spec.model import LayerGroup
from compiler.spec.position import (
    LearnedPosition,
    Llama3Scaling,
    RotaryPosition,
    SinusoidalPosition,
    YarnScaling,
)
from compiler.spec.spec import Spec
from compiler.weights.readings import LLAMA3, PARTLY_TURNED

Config = dict[str, Any]
Writing = Callable[[Spec, Config], None]

_WINDOW = re.compile(r"causal & window\((\d+)\)")


def _groups(spec: Spec) -> Iterator[LayerGroup]:
    """Yield the settings of each layer of the decoder, or of the encoder, one by one."""
    stack = spec.model.decoder or spec.model.encoder
    for group in stack.layers if stack else ():
        yield from [group] * group.repeat


def rotary(spec: Spec, config: Config) -> None:
    """Write the angles that all layers have, but for those without positions."""
    turned = (each for each in _groups(spec) if isinstance(each.position, RotaryPosition))
    group = next(turned, next(_groups(spec)))
    config["rope_parameters"] = _rotary(group)
    fraction = getattr(group.position, "fraction", 1.0)
    if fraction != 1.0 and config["model_type"] in PARTLY_TURNED:
        config["rope_parameters"]["partial_rotary_factor"] = fraction


def rotary_by_layer(spec: Spec, config: Config) -> None:
    """Write the angles of layers with a window, and of layers without."""
    found = {_layer_type(group): _rotary(group) for group in _groups(spec)}
    usual = {"rope_type": "default", "rope_theta": 10000.0}
    config["rope_parameters"] = {
        each: found.get(each, usual) for each in ("full_attention", "sliding_attention")
    }


def _rotary(group: LayerGroup) -> Config:
    position = group.position
    if not isinstance(position, RotaryPosition):
        return {"rope_type": "default", "rope_theta": 10000.0}
    scaling = position.scaling
    found: Config = {"rope_type": scaling.kind if scaling else "default"}
    found["rope_theta"] = position.base
    if scaling is not None:
        found["factor"] = scaling.factor
    if isinstance(scaling, Llama3Scaling):
        found |= LLAMA3 | {"original_max_position_embeddings": scaling.original_length}
    if isinstance(scaling, YarnScaling):
        found |= {
            "original_max_position_embeddings": scaling.original_length,
            "beta_fast": scaling.beta_fast,
            "beta_slow": scaling.beta_slow,
            "truncate": scaling.truncate,
        }
        if scaling.attention_factor is not None:
            found["attention_factor"] = scaling.attention_factor
    return found


def head_width(spec: Spec, config: Config) -> None:
    """Write the width of a query and a key, but where a file leaves the usual one out by `null`."""
    width, heads = (look_up(spec, f"model.attention.{each}") for each in ("d_k", "heads"))
    is_usual = width and heads and width * heads == look_up(spec, "model.d_model")
    if not is_usual or config.get("head_dim", width) is not None:
        config["head_dim"] = width


def key_value_heads(spec: Spec, config: Config) -> None:
    """Write the number of heads of keys and values."""
    config["num_key_value_heads"] = look_up(spec, "model.attention.kv_heads")


def score_scale(spec: Spec, config: Config) -> None:
    """Write the number whose inverse square root multiplies scores."""
    scale = look_up(spec, "model.attention.scale")
    scalar = look_up(spec, "model.attention.d_k") if scale is None else scale**-2
    if scalar is not None:
        near = round(scalar)
        config["query_pre_attn_scalar"] = near if abs(near - scalar) < 1e-6 * scalar else scalar


def untied_by_key(spec: Spec, config: Config) -> None:
    """Write whether the output has the table of embeddings."""
    config["tie_word_embeddings"] = spec.model.embedding.tied != "none"


def t5_output_scale(spec: Spec, config: Config) -> None:
    """Write whether logits are divided by the square root of the width."""
    config["scale_decoder_outputs"] = spec.model.output.scale != 1.0


def window(spec: Spec, config: Config) -> None:
    """Write the window that all layers have, which counts the position itself."""
    config["sliding_window"] = next(_windows(spec), None)


def _windows(spec: Spec) -> Iterator[int]:
    for group in _groups(spec):
        mask = group.self_attention.mask if group.self_attention else None
        if isinstance(mask, str) and (found := _WINDOW.fullmatch(mask)):
            yield int(found[1]) + 1


def _layer_type(group: LayerGroup) -> str:
    mask = group.self_attention.mask if group.self_attention else None
    is_window = isinstance(mask, str) and _WINDOW.fullmatch(mask)
    return "sliding_attention" if is_window else "full_attention"


def windows_by_layer(spec: Spec, config: Config) -> None:
    """Write which layers have a window, and its size."""
    config["layer_types"] = [_layer_type(group) for group in _groups(spec)]
    if size := next(_windows(spec), None):
        config["sliding_window"] = size


def window_by_layer(spec: Spec, config: Config) -> None:
    """Write the same as Qwen has it, whose window is off by default.

    Where no layer has a window, the size in a file that the spec was imported from means nothing,
    and stays.
    """
    windows_by_layer(spec, config)
    is_used = next(_windows(spec), None) is not None
    usual = {"use_sliding_window": is_used, "sliding_window": None}
    config |= {"use_sliding_window": True} if is_used else usual | config


def window_if_used(spec: Spec, config: Config) -> None:
    """Write the window that all layers have, if they have one."""
    window(spec, config)
    config["use_sliding_window"] = config["sliding_window"] is not None


def layers_without_positions(spec: Spec, config: Config) -> None:
    """Write which layers have rotary positions."""
    turned = [isinstance(group.position, RotaryPosition) for group in _groups(spec)]
    config["no_rope_layers"] = [int(each) for each in turned]
    config["use_sliding_window"] = False


def expert_count(spec: Spec, config: Config) -> None:
    """Write the number of experts."""
    config["num_experts"] = look_up(spec, "model.feed_forward.experts.count")


def inner_width(spec: Spec, config: Config) -> None:
    """Write the width of the hidden layer."""
    config["n_inner"] = look_up(spec, "model.feed_forward.d_ff")


def t5_feed_forward(spec: Spec, config: Config) -> None:
    """Write the non-linearity, and whether it is a gate."""
    name, is_gated = (
        look_up(spec, f"model.feed_forward.{each}") for each in ("activation", "gated")
    )
    plain = {"relu": "relu", "silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_new"}
    gates = {"relu": "gated-relu", "silu": "gated-silu", "gelu_tanh": "gated-gelu"}
    if name in (known := gates if is_gated else plain):
        config["feed_forward_proj"] = known[name]


def t5_layers(spec: Spec, config: Config) -> None:
    """Write the number of layers of the decoder."""
    config["num_decoder_layers"] = look_up(spec, "model.decoder.layers")


def positions_after_padding(spec: Spec, config: Config) -> None:
    """Write the rows of the table of RoBERTa, and the number of padding, which is before them."""
    stack = spec.model.encoder
    if stack and isinstance(stack.position, LearnedPosition):
        position = stack.position
        config["max_position_embeddings"] = position.max_length + position.offset
        if position.offset:
            config["pad_token_id"] = position.offset - 1
    else:
        config.setdefault("max_position_embeddings", positions_of(spec) + 2)


def sines_after_padding(spec: Spec, config: Config) -> None:
    """Write the number of padding, which is before the first position."""
    stack = spec.model.encoder
    if stack and isinstance(stack.position, SinusoidalPosition) and stack.position.offset:
        config["pad_token_id"] = stack.position.offset - 1


def segments(spec: Spec, config: Config) -> None:
    """Write the number of segments; BERT has two where ours has none."""
    config["type_vocab_size"] = spec.model.embedding.segments or 2


def one_vocabulary(spec: Spec, config: Config) -> None:
    """Write the size of the vocabulary of the target."""
    config["decoder_vocab_size"] = spec.model.vocabulary.size


def nothing(_spec: Spec, _config: Config) -> None:
    """Write nothing: the key follows from others."""


WRITINGS: dict[str, Writing] = {
    each.__name__: each
    for each in (
        *(rotary, rotary_by_layer, head_width, key_value_heads, score_scale),
        *(untied_by_key, window, window_if_used, window_by_layer, inner_width),
        *(layers_without_positions, expert_count),
        *(t5_feed_forward, t5_layers, t5_output_scale),
        *(positions_after_padding, sines_after_padding, segments, one_vocabulary),
    )
} | {
    "tied_by_key": untied_by_key,
    "tied_by_tensors": untied_by_key,
    "every_second_window": windows_by_layer,
    "windows_but_every_sixth": windows_by_layer,
    "prediction": nothing,
    "classes": nothing,
}
"""By the names of the readings."""
