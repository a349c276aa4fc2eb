"""x-transformers: an Encoder and a Decoder with norms after the sub-layers, flash attention.

The library has neither biases in its attentions and norms nor the paper's positions. To compute
the same function, its projections and norms are replaced by torch's, which have biases (and whose
norm is faster than the library's own), and the positions are handed in. Its tied output layer
divides by sqrt(d_model), so that its table is ours times sqrt(d_model), without a factor on the
embeddings; we divide the features instead of the many more logits, which is faster.
"""

import math
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from x_transformers import Decoder, Encoder, TransformerWrapper
from x_transformers.x_transformers import Attention, AttentionLayers

from benchmarks.architecture import Architecture
from benchmarks.engines.engine import AttentionForm, Network, Practice
from benchmarks.engines.peer import PostNormPeer
from benchmarks.engines.weights import (
    POSITIONS,
    Tensors,
    position_table,
    renamed_layers,
)

SUB_LAYERS = {
    "encoder": ("self_attention", "feed_forward"),
    "decoder": ("self_attention", "cross_attention", "feed_forward"),
}
"""Of a layer; the library counts them through the whole stack."""

NORM = ("0.2.{kind}",)
NAMES = {
    "self_attention.query_key_value": ("1.to_q.{kind}", "1.to_k.{kind}", "1.to_v.{kind}"),
    "self_attention.output": ("1.to_out.{kind}",),
    "self_attention_norm": NORM,
    "cross_attention.query": ("1.to_q.{kind}",),
    "cross_attention.key_value": ("1.to_k.{kind}", "1.to_v.{kind}"),
    "cross_attention.output": ("1.to_out.{kind}",),
    "cross_attention_norm": NORM,
    "feed_forward.hidden": ("1.ff.0.0.{kind}",),
    "feed_forward.output": ("1.ff.2.{kind}",),
    "feed_forward_norm": NORM,
}


class Transformer(nn.Module):
    """The two stacks of the library, with one table of embeddings."""

    positions: Tensor

    def __init__(self, architecture: Architecture, attention: AttentionForm) -> None:
        super().__init__()
        self.scale = math.sqrt(architecture.d_model)
        self.register_buffer("positions", position_table(architecture.d_model), persistent=False)
        settings = _settings(architecture, attention)
        encoder = Encoder(depth=architecture.encoder_layers, **settings)
        decoder = Decoder(depth=architecture.decoder_layers, cross_attend=True, **settings)
        self.encoder, self.decoder = (
            _wrapped(encoder, architecture),
            _wrapped(decoder, architecture),
        )
        self.decoder.token_emb = self.encoder.token_emb

    def forward(self, source: Tensor, target: Tensor, is_real: Tensor | None) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, vocabulary]"""
        # As a mask of keys: given as `mask`, it would be multiplied into every output, too.
        memory = self.encoder(
            source, pos=self.positions[: source.size(1)], self_attn_kv_mask=is_real
        )
        features = self.decoder(
            target, pos=self.positions[: target.size(1)], context=memory, context_mask=is_real
        )
        return F.linear(features / self.scale, self.encoder.token_emb.emb.weight)


def _settings(architecture: Architecture, attention: AttentionForm) -> dict[str, Any]:
    """Of both stacks."""
    return {
        "dim": architecture.d_model,
        "heads": architecture.heads,
        "pre_norm": False,
        "attn_flash": attention == "fused",
        "attn_dim_head": architecture.d_model // architecture.heads,
        "attn_dropout": architecture.attention_dropout,
        "attn_sublayer_dropout": architecture.dropout,
        "ff_mult": architecture.d_ff / architecture.d_model,
        "ff_custom_activation": nn.ReLU(),
        "ff_sublayer_dropout": architecture.dropout,
    }


def _wrapped(layers: AttentionLayers, architecture: Architecture) -> TransformerWrapper:
    """A stack behind embeddings, with biases in its attentions and norms."""
    width = architecture.d_model
    for norms, sub_layer, _ in layers.layers:
        norms[-1] = nn.LayerNorm(width)
        if isinstance(sub_layer, Attention):
            for name in ("to_q", "to_k", "to_v", "to_out"):
                setattr(sub_layer, name, nn.Linear(width, width))
    return TransformerWrapper(
        num_tokens=architecture.vocabulary,
        max_seq_len=POSITIONS,
        use_abs_pos_emb=False,
        emb_dropout=architecture.dropout,
        return_only_embed=True,
        attn_layers=layers,
    )


class Training(PostNormPeer):
    """The stacks in training."""

    def __init__(self, network: Network, practice: Practice) -> None:
        model = Transformer(network.architecture, practice.attention)
        super().__init__(model, _state, network, practice)


def _state(weights: Tensors) -> Tensors:
    """Ours by their names, all of them."""
    table = weights["embedding.weight"]
    tables = dict.fromkeys(
        ("encoder.token_emb.emb.weight", "decoder.token_emb.emb.weight"),
        table * math.sqrt(table.size(1)),
    )
    return tables | renamed_layers(weights, NAMES, _place)


def _place(stack: str, layer: int, part: str) -> str:
    sub_layers = SUB_LAYERS[stack]
    sub_layer = sub_layers.index(part.partition(".")[0].removesuffix("_norm"))
    return f"{stack}.attn_layers.layers.{layer * len(sub_layers) + sub_layer}."
