"""The specification of CTranslate2 of a network: constructors, attributes and variables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compiler.export.ctranslate2 import ACTIVATIONS, eps_of, sees_distances
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.position import LearnedPosition
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES
from runtime.data.symbols import BEGIN, END, NAMES, UNKNOWN
from runtime.export.coordinates.factors import (
    with_plain_norms,
    without_feed_forward_scale,
    without_output_scale,
)
from runtime.export.coordinates.heads import with_equal_heads
from runtime.export.coordinates.layers import numbered, without_turns
from runtime.export.coordinates.positions import with_tables
from runtime.export.coordinates.tables import with_own_tables
from runtime.export.ctranslate2.attentions import set_attention
from runtime.export.ctranslate2.variables import variables
from runtime.weights.files import Tensors

CHANGES = (
    without_turns,
    without_output_scale,
    with_own_tables,
    with_equal_heads,
    without_feed_forward_scale,
    with_plain_norms,
)
"""The coordinates of CTranslate2, which stores equal tensors once."""
USUAL_NORMS = {
    "self_attention_norm": "self_attention/layer_norm",
    "cross_attention_norm": "attention/layer_norm",
    "feed_forward_norm": "ffn/layer_norm",
}
NORMS_AROUND = {
    "self_attention_norm": "input_layer_norm",
    "self_attention_output_norm": "post_attention_layer_norm",
    "cross_attention_norm": "external_pre_encoder_attention_layer_norm",
    "cross_attention_output_norm": "external_post_encoder_attention_layer_norm",
    "feed_forward_norm": "pre_feedforward_layer_norm",
    "feed_forward_output_norm": "post_feedforward_layer_norm",
}
NORMS_SIDE_BY_SIDE = {
    "self_attention_norm": "input_layer_norm",
    "feed_forward_norm": "post_attention_layer_norm",
}
JOINT_NORM = {"self_attention_norm": "shared_layer_norm"}
"""The norms of a layer by our names, each with its place in a layer of CTranslate2."""


def specification(
    spec: Spec, tensors: Mapping[str, Tensor], words: Sequence[Sequence[str]], positions: int
) -> Any:
    """Return the specification of a network that CTranslate2 can say, ready to be validated.

    `words` are the vocabularies of source and target. Positions that are no weights become tables
    of `positions` rows.
    """
    import ctranslate2.specs as specs

    spec, found = with_tables(spec, dict(tensors), positions)
    for change in CHANGES:
        spec, found = change(spec, found)
    stacks = {name: _stack(name, spec, found) for name, _ in spec.model.stacks()}
    if spec.model.encoder is None:
        whole: Any = specs.TransformerDecoderModelSpec(stacks["decoder"])
        whole.register_vocabulary(list(words[-1]))
    else:
        whole = specs.TransformerSpec(stacks["encoder"], stacks["decoder"])
        whole.register_source_vocabulary(list(words[0]))
        whole.register_target_vocabulary(list(words[-1]))
        whole.config.add_source_eos = True
        whole.config.decoder_start_token = NAMES[BEGIN]
    whole.config.bos_token, whole.config.eos_token = NAMES[BEGIN], NAMES[END]
    whole.config.unk_token = NAMES[UNKNOWN]
    whole.config.layer_norm_epsilon = float(eps_of(spec.model))
    for name, tensor in variables(found, _gated_names(spec).__contains__):
        put(whole, name, tensor)
    return whole


def put(holder: Any, name: str, tensor: Tensor) -> None:
    """Set a variable by its name: `encoder/layer_0/ffn/linear_0/weight`."""
    *above, last = name.split("/")
    for step in above:
        part, _, number = step.rpartition("_")
        is_listed = not hasattr(holder, step)
        holder = getattr(holder, part)[int(number)] if is_listed else getattr(holder, step)
    setattr(holder, last, array(tensor))


def array(tensor: Tensor) -> Any:
    """Return a copy of a tensor as numpy has it, in float32: it is rounded in its place."""
    return tensor.detach().to(torch.float32).clone(memory_format=torch.contiguous_format).numpy()


def _gated_names(spec: Spec) -> set[str]:
    """The names of the first maps of gated feed-forward networks: half of the rows is the gate."""
    return {
        f"{name}.layers.{number}.feed_forward.hidden.{kind}"
        for name, stack in spec.model.stacks()
        for group, number in numbered(stack)
        if group.feed_forward and group.feed_forward.gated
        for kind in ("weight", "bias")
    }


def _stack(name: str, spec: Spec, tensors: Tensors) -> Any:
    """Return a stack with all its settings, and with the variables that the map does not name."""
    settings: Stack = getattr(spec.model, name)
    stack = _constructed(name, spec, settings)
    stack.scale_embeddings = spec.model.embedding.scale == "sqrt_d_model"
    side = SIDES[name]
    if hasattr(stack, "position_encodings"):
        assert isinstance(settings.position, LearnedPosition)
        table = tensors[f"{side}_position.weight"][settings.position.offset :]
        stack.position_encodings.encodings = array(table)
    if spec.model.embedding.norm:
        _set_norm(stack.layernorm_embedding, f"{side}_embedding_norm", tensors)
    if settings.norm.final:
        _set_norm(stack.layer_norm, f"{name}.norm", tensors)
    if name == "decoder" and spec.model.output.soft_cap is not None:
        stack.final_logit_softcapping = np.float32(spec.model.output.soft_cap)
    for layer, (group, number) in zip(stack.layer, numbered(settings), strict=True):
        _set_layer(layer, group, f"{name}.layers.{number}", settings, tensors)
        distances = tensors.get(f"{side}_distance.weight")
        set_attention(layer.self_attention, group.self_attention, group.position, distances)
        if group.cross_attention:
            set_attention(layer.attention, group.cross_attention)
    return stack


def _constructed(name: str, spec: Spec, settings: Stack) -> Any:
    """Return a stack of CTranslate2 without weights, with every part that a layer may need."""
    import ctranslate2.specs as specs
    from ctranslate2.specs.common_spec import Activation

    first = settings.layers[0]
    assert first.self_attention is not None
    assert first.feed_forward is not None
    kinds = {group.position.kind for group in settings.layers}
    is_decoder, reads = name == "decoder", spec.model.encoder is not None
    around = settings.norm.place == "sandwich"
    options: dict[str, Any] = {
        "pre_norm": settings.norm.place != "post",
        "no_final_norm": not settings.norm.final,
        "activation": getattr(Activation, ACTIVATIONS[first.feed_forward.activation]),
        "layernorm_embedding": spec.model.embedding.norm,
        "rms_norm": settings.norm.kind == "rms_norm",
        "ffn_glu": any(each.feed_forward and each.feed_forward.gated for each in settings.layers),
        "relative_attention_bias": "relative" in kinds,
        "rotary_dim": 0 if "rotary" in kinds else None,
        "pre_post_layer_norm": around,
    }
    if is_decoder:
        joint = isinstance(first.block[0], list)
        options |= {
            "with_encoder_attention": reads,
            "alibi": "alibi" in kinds,
            "parallel_residual": joint,
            "shared_layer_norm": joint and bool(settings.norm.joint),
            "external_pre_post_encoder_layers": around and reads,
        }
    kind = specs.TransformerDecoderSpec if is_decoder else specs.TransformerEncoderSpec
    count = sum(group.repeat for group in settings.layers)
    stack = kind(count, first.self_attention.heads, **options)
    if not sees_distances(first) and not hasattr(stack, "position_encodings"):
        # It adds sinusoids of its own where the first layer knows no distances, unless there is a
        # table.
        attach(stack, "position_encodings", specs.transformer_spec.PositionEncoderSpec())
    return stack


def attach(holder: Any, name: str, value: object) -> None:
    """Set an attribute that the class of a specification does not have, but its decoder reads."""
    object.__setattr__(holder, name, value)


def _set_layer(layer: Any, group: LayerGroup, name: str, settings: Stack, tensors: Tensors) -> None:
    """Set the norms of a layer; take away the gate of a network that has none."""
    for ours, theirs in _norm_places(settings, group).items():
        if f"{name}.{ours}.weight" in tensors:
            holder = layer
            for step in theirs.split("/"):
                holder = getattr(holder, step)
            _set_norm(holder, f"{name}.{ours}", tensors)
    assert group.feed_forward is not None
    if not group.feed_forward.gated and hasattr(layer.ffn, "linear_0_noact"):
        del layer.ffn.linear_0_noact


def _norm_places(settings: Stack, group: LayerGroup) -> Mapping[str, str]:
    """Return the places of the norms of a layer."""
    if isinstance(group.block[0], list):
        return JOINT_NORM if settings.norm.joint else NORMS_SIDE_BY_SIDE
    return NORMS_AROUND if settings.norm.place == "sandwich" else USUAL_NORMS


def _set_norm(norm: Any, name: str, tensors: Tensors) -> None:
    """Set a norm, which is an RMSNorm there if it has no `beta`."""
    norm.gamma = array(tensors[f"{name}.weight"])
    if (bias := tensors.get(f"{name}.bias")) is not None:
        norm.beta = array(bias)
    elif hasattr(norm, "beta"):
        del norm.beta
