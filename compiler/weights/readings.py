"""Keys of config.json whose meaning is more than a table: rotary angles, widths of heads.

`layer_readings.py` has those of the layers.

A reading takes the configuration and the settings so far, and adds to these.
"""

from collections.abc import Callable

from compiler.spec.position import yarn_magnitude
from compiler.weights.config import Config
from compiler.weights.layer_readings import (
    change_layers,
    every_second_window,
    layers_without_positions,
    window,
    window_by_layer,
    window_if_used,
    windows_but_every_sixth,
)
from compiler.weights.settings_tree import Tree, look, put

Reading = Callable[[Config, Tree], None]

LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
"""The bounds between fast and slow angles that `kind: llama3` of a spec has."""
PARTLY_TURNED = ("phi3",)
"""The `model_type`s whose classes turn a share of a head; others have the key and do not."""

BASES = {"mixtral": 1e6, "smollm3": 2e6}
"""The bases of angles where a file lacks `rope_theta`, by `model_type`; others have 10,000."""


def rotary(config: Config, tree: Tree) -> None:
    """Read `rope_parameters`, or `rope_theta` and `rope_scaling` as they were called before."""
    base = config.get("rope_theta", BASES.get(config.model_type, 10000.0))
    scaling, parameters = config.get("rope_scaling"), config.get("rope_parameters")
    if scaling and parameters:
        _refuse_other_scaling(config, scaling, parameters)
    key = "rope_parameters" if parameters else "rope_scaling"
    parameters = parameters or scaling or {}
    put(tree, "model.embedding.position", _rotary(config, (key,), parameters, base))


def rotary_by_layer(config: Config, tree: Tree) -> None:
    """Read the angles of Gemma 3: those of layers with a window, and of layers without."""
    new = config.get("rope_parameters")
    keys: tuple[tuple[str, ...], tuple[str, ...]]
    base, scaling = config.get("rope_theta", 1e6), config.get("rope_scaling") or {}
    local = config.get("rope_local_base_freq", 10000.0)
    if new and "full_attention" in new:
        whole, near = new["full_attention"] or {}, new.get("sliding_attention") or {}
        _refuse_other_scaling(config, scaling, whole)
        keys = ("rope_parameters", "full_attention"), ("rope_parameters", "sliding_attention")
    else:
        if new:
            _refuse_other_scaling(config, scaling, new)
        whole, near, keys = new or scaling, {}, (("rope_scaling",), ("rope_local_base_freq",))
    put(tree, "model.embedding.position", _rotary(config, keys[1], near, local))
    own = _rotary(config, keys[0], whole, base)
    change_layers(tree, "causal", lambda layer: layer | {"position": _changed(own)})


def _refuse_other_scaling(config: Config, scaling: Tree, parameters: Tree) -> None:
    """Note what `rope_scaling` says otherwise than `rope_parameters`, which is read.

    Versions of transformers differ in which of the two they read.
    """
    named = {"rope_type": parameters.get("type", "default")} | parameters
    for key, value in scaling.items():
        own = "rope_type" if key == "type" else key
        if value is not None and named.get(own) != value:
            message = f"`{own}: {value}`, and `rope_parameters` has {_shown(named.get(own))}"
            help = "remove the one of the two that the model was not trained with"
            config.refuse(("rope_scaling", key), message, help)
            return


def _shown(value: object) -> str:
    return "none" if value is None else f"`{value}`"


def _changed(position: Tree) -> Tree:
    """Return what a layer says of its angles beside their kind."""
    return {key: value for key, value in position.items() if key != "kind"}


def _rotary(config: Config, keys: tuple[str, ...], given: Tree, base: float) -> Tree:
    given = {key: value for key, value in given.items() if value is not None}
    position: Tree = {"kind": "rotary", "base": float(given.get("rope_theta", base))}
    kind = given.get("rope_type", given.get("type", "default"))
    known = {"rope_theta", "rope_type", "type", "partial_rotary_factor"}
    fraction = given.get("partial_rotary_factor") or config.get("partial_rotary_factor", 1.0)
    if fraction != 1.0 and config.model_type not in PARTLY_TURNED:
        message = f"a {config.model_type} turns whole heads, whatever this says"
        config.refuse((*keys, "partial_rotary_factor"), message)
    elif fraction != 1.0:
        position["fraction"] = float(fraction)
    if kind == "linear":
        position["scaling"] = {"kind": "linear", "factor": float(given.get("factor", 1.0))}
        known |= {"factor"}
    elif kind == "llama3":
        position["scaling"] = _llama3(config, keys, given)
        known |= {"factor", "original_max_position_embeddings", *LLAMA3}
    elif kind == "yarn":
        position["scaling"] = _yarn(config, keys, given)
        known |= {"factor", "original_max_position_embeddings", "attention_factor", "truncate"}
        known |= {"beta_fast", "beta_slow", "mscale", "mscale_all_dim"}
    elif kind != "default":
        help = "specs know angles as they are, `linear`, `llama3` and `yarn`"
        config.refuse((*keys, "rope_type"), f"rotary angles of the kind `{kind}`", help)
        return position
    for key in given.keys() - known:
        config.refuse((*keys, key), f"nothing is known about `{key}` of rotary angles `{kind}`")
    return position


def _llama3(config: Config, keys: tuple[str, ...], given: Tree) -> Tree:
    for key, value in LLAMA3.items():
        if given.get(key, value) != value:
            config.refuse((*keys, key), f"`{key}: {given[key]}`, and ours can only be {value}")
    for key in ("factor", "original_max_position_embeddings"):
        if key not in given:
            config.refuse(keys, f"angles of the kind `llama3` need `{key}`")
    length = int(given.get("original_max_position_embeddings", 1))
    return {"kind": "llama3", "factor": float(given.get("factor", 1)), "original_length": length}


def _yarn(config: Config, keys: tuple[str, ...], given: Tree) -> Tree:
    longest = config.get("max_position_embeddings")
    length = given.get("original_max_position_embeddings", longest)
    if length is None:
        config.refuse(keys, "angles of the kind `yarn` need `original_max_position_embeddings`")
        length = 1
    factor = float(given.get("factor") or (longest or length) / length)
    found = {"kind": "yarn", "factor": factor, "original_length": int(length)}
    for key in ("beta_fast", "beta_slow"):
        if given.get(key):
            found[key] = float(given[key])
    if not given.get("truncate", True):
        found["truncate"] = False
    share, share_of_all = given.get("mscale"), given.get("mscale_all_dim")
    if given.get("attention_factor") is not None:
        found["attention_factor"] = float(given["attention_factor"])
    elif share and share_of_all:
        magnitude = yarn_magnitude(factor, share) / yarn_magnitude(factor, share_of_all)
        found["attention_factor"] = magnitude
    return found


def head_width(config: Config, tree: Tree) -> None:
    """Read `head_dim`, by default the share that a head has of the width."""
    width, heads = look(tree, "model.d_model", 0), look(tree, "model.attention.heads", 1)
    own = config.get("head_dim", width // heads)
    if own * heads != width:
        put(tree, "model.attention.d_k", own)
        put(tree, "model.attention.d_v", own)


def key_value_heads(config: Config, tree: Tree) -> None:
    """Read `num_key_value_heads`, by default as many as there are heads."""
    heads = look(tree, "model.attention.heads")
    own = config.get("num_key_value_heads", heads)
    if own != heads:
        put(tree, "model.attention.kv_heads", own)


def score_scale(config: Config, tree: Tree) -> None:
    """Read `query_pre_attn_scalar`, whose inverse square root multiplies scores."""
    if scalar := config.need("query_pre_attn_scalar"):
        put(tree, "model.attention.scale", scalar**-0.5)


def untied_by_key(config: Config, tree: Tree) -> None:
    """Read `tie_word_embeddings`, false where it is missing."""
    _tie(tree, is_tied=config.get("tie_word_embeddings", False))


def tied_by_key(config: Config, tree: Tree) -> None:
    """Read `tie_word_embeddings`, true where it is missing."""
    _tie(tree, is_tied=config.get("tie_word_embeddings", True))


def tied_by_tensors(config: Config, tree: Tree) -> None:
    """Tie the output to the embeddings where the files have no matrix for it, as T5 has it.

    The key has been true for both kinds of files.
    """
    config.get("tie_word_embeddings")
    _tie(tree, is_tied="lm_head.weight" not in config.tensors)


def _tie(tree: Tree, *, is_tied: bool) -> None:
    put(tree, "model.embedding.tied", "all" if is_tied else "none")


def expert_count(config: Config, tree: Tree) -> None:
    """Read `num_experts`, which transformers 5 calls `num_local_experts`, by default 128."""
    usual = config.get("num_local_experts", 128)
    put(tree, "model.feed_forward.experts.count", config.get("num_experts", usual))


def inner_width(config: Config, tree: Tree) -> None:
    """Read `n_inner`, by default four times the width."""
    put(tree, "model.feed_forward.d_ff", config.get("n_inner", 4 * look(tree, "model.d_model", 0)))


def t5_feed_forward(config: Config, tree: Tree) -> None:
    """Read `feed_forward_proj`, a non-linearity, and whether it is a gate."""
    text = config.get("feed_forward_proj", "relu")
    gate, _, name = text.rpartition("-")
    known = {"relu": "relu", "silu": "silu", "gelu": "gelu_tanh" if gate else "gelu"}
    known |= {"gelu_new": "gelu_tanh"}
    if gate not in ("", "gated") or name not in known:
        help = "`relu`, `gelu` and `silu`, alone or after `gated-`, can be said"
        config.refuse("feed_forward_proj", f"a feed-forward network `{text}`", help)
        return
    put(tree, "model.feed_forward.activation", known[name])
    if gate:
        put(tree, "model.feed_forward.gated", True)


def t5_layers(config: Config, tree: Tree) -> None:
    """Read `num_decoder_layers`, by default as many as the encoder has."""
    put(tree, "model.decoder.layers", config.get("num_decoder_layers", config.get("num_layers")))


def t5_output_scale(config: Config, tree: Tree) -> None:
    """Read `scale_decoder_outputs`, by default as `tie_word_embeddings`."""
    tied = config.get("tie_word_embeddings", True)
    if config.get("scale_decoder_outputs", tied):
        put(tree, "model.output.scale", "inverse_sqrt_d_model")


def positions_after_padding(config: Config, tree: Tree) -> None:
    """Read the table of RoBERTa, whose first position comes after the number of padding."""
    offset = int(config.get("pad_token_id", 1)) + 1
    if rows := config.need("max_position_embeddings"):
        position = {"kind": "learned", "max_length": rows - offset, "offset": offset}
        put(tree, "model.embedding.position", position)
        put(tree, "data.max_length", rows - offset)


def sines_after_padding(config: Config, tree: Tree) -> None:
    """Read the sines of M2M-100, whose first position comes after the number of padding."""
    offset = int(config.get("pad_token_id", 1)) + 1
    position = {"kind": "sinusoidal", "layout": "tensor2tensor", "offset": offset}
    put(tree, "model.embedding.position", position)


def segments(config: Config, tree: Tree) -> None:
    """Read `type_vocab_size`; the vector of a single segment is added to the positions."""
    if (count := config.get("type_vocab_size", 2)) > 1:
        put(tree, "model.embedding.segments", count)


def prediction(_config: Config, tree: Tree) -> None:
    """Give the head of masked tokens the non-linearity of the network."""
    name = look(tree, "model.feed_forward.activation")
    if look(tree, "task") == "masked_language_model" and name is not None:
        put(tree, "model.prediction.activation", name)


def one_vocabulary(config: Config, tree: Tree) -> None:
    """Read `decoder_vocab_size`, which must be that of the source."""
    own = look(tree, "model.vocabulary.size")
    if config.get("decoder_vocab_size", own) != own:
        config.refuse("decoder_vocab_size", "source and target have vocabularies of their own")


def classes(config: Config, tree: Tree) -> None:
    """Read the number of labels of a classifier: `id2label`, or `num_labels`."""
    labels, count = config.get("id2label"), config.get("num_labels")
    if look(tree, "task") == "classification":
        number = len(labels) if labels else count or 2
        put(tree, "model.classifier.classes", number)
        if labels and len(set(labels.values())) < len(labels):
            config.refuse("id2label", "two labels have one name")


READINGS: dict[str, Reading] = {
    each.__name__: each
    for each in (
        *(rotary, rotary_by_layer, head_width, key_value_heads, score_scale),
        *(untied_by_key, tied_by_key, tied_by_tensors),
        *(window, window_if_used, window_by_layer, every_second_window),
        *(windows_but_every_sixth, layers_without_positions, expert_count),
        *(inner_width, t5_feed_forward, t5_layers, t5_output_scale),
        *(
            positions_after_padding,
            sines_after_padding,
            segments,
            prediction,
            one_vocabulary,
            classes,
        ),
    )
}
