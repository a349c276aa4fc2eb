"""torch.nn: TransformerEncoder and TransformerDecoder, batch first.

The layers have one dropout for all places: that of attention weights is set apart, and that of
activations taken out. Embeddings, positions and the output layer are the user's to write.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.architecture import Architecture
from benchmarks.engines.engine import Network, Practice
from benchmarks.engines.peer import PostNormPeer
from benchmarks.engines.weights import (
    POSITIONS,
    Tensors,
    position_table,
    renamed_layers,
    with_fused_cross_attention,
)
from runtime.data.symbols import PADDING

NORMS = {
    "encoder": {"self_attention_norm": "norm1", "feed_forward_norm": "norm2"},
    "decoder": {
        "self_attention_norm": "norm1",
        "cross_attention_norm": "norm2",
        "feed_forward_norm": "norm3",
    },
}
NAMES = {
    "self_attention.query_key_value": ("self_attn.in_proj_{kind}",),
    "self_attention.output": ("self_attn.out_proj.{kind}",),
    "cross_attention.query_key_value": ("multihead_attn.in_proj_{kind}",),
    "cross_attention.output": ("multihead_attn.out_proj.{kind}",),
    "feed_forward.hidden": ("linear1.{kind}",),
    "feed_forward.output": ("linear2.{kind}",),
}


class Transformer(nn.Module):
    """The layers of torch with tied embeddings around them."""

    positions: Tensor
    future: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.d_model
        self.scale, self.dropout = math.sqrt(width), architecture.dropout
        self.embedding = nn.Embedding(architecture.vocabulary, width, padding_idx=PADDING)
        self.register_buffer("positions", position_table(width), persistent=False)
        future = nn.Transformer.generate_square_subsequent_mask(POSITIONS)
        self.register_buffer("future", future, persistent=False)
        encoder, decoder = _layers(architecture)
        self.encoder = nn.TransformerEncoder(
            encoder, architecture.encoder_layers, enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(decoder, architecture.decoder_layers)

    def forward(self, source: Tensor, target: Tensor, is_real: Tensor | None) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, vocabulary]"""
        padding = None
        if is_real is not None:
            # As numbers, or each layer would turn it into numbers anew.
            padding = torch.zeros(is_real.shape, device=source.device)
            padding = padding.masked_fill(~is_real, -torch.inf)
        memory = self.encoder(self._embed(source), src_key_padding_mask=padding)
        length = target.size(1)
        features = self.decoder(
            self._embed(target),
            memory,
            tgt_mask=self.future[:length, :length],
            tgt_is_causal=True,
            memory_key_padding_mask=padding,
        )
        return F.linear(features, self.embedding.weight)

    def _embed(self, tokens: Tensor) -> Tensor:
        """tokens [batch, position] -> [batch, position, width]"""
        x = self.embedding(tokens) * self.scale + self.positions[: tokens.size(1)]
        return F.dropout(x, self.dropout, self.training)


def _layers(
    architecture: Architecture,
) -> tuple[nn.TransformerEncoderLayer, nn.TransformerDecoderLayer]:
    """The layers that the stacks are copies of."""
    sizes = (architecture.d_model, architecture.heads, architecture.d_ff, architecture.dropout)
    encoder = nn.TransformerEncoderLayer(*sizes, batch_first=True)
    decoder = nn.TransformerDecoderLayer(*sizes, batch_first=True)
    for layer in (encoder, decoder):
        layer.dropout = cast(nn.Dropout, nn.Identity())
        layer.self_attn.dropout = architecture.attention_dropout
    decoder.multihead_attn.dropout = architecture.attention_dropout
    return encoder, decoder


class Training(PostNormPeer):
    """The layers in training."""

    def __init__(self, network: Network, practice: Practice) -> None:
        super().__init__(Transformer(network.architecture), _state, network, practice)
        if practice.attention == "written out":
            # The module always calls `scaled_dot_product_attention`; this process is its own.
            torch.backends.cuda.enable_flash_sdp(False)
            torch.backends.cuda.enable_mem_efficient_sdp(False)
            torch.backends.cuda.enable_cudnn_sdp(False)


def _state(weights: Tensors) -> Tensors:
    """Ours by their names, all of them."""
    fused = with_fused_cross_attention(weights)
    state = {"embedding.weight": weights["embedding.weight"]}
    for stack, norms in NORMS.items():
        names = NAMES | {ours: (f"{theirs}.{{kind}}",) for ours, theirs in norms.items()}
        own = {name: tensor for name, tensor in fused.items() if name.startswith(stack)}
        state |= renamed_layers(own, names, "{}.layers.{}.".format)
    return state
