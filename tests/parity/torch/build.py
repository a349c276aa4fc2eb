"""A small torch.nn.Transformer behind the paper's embeddings."""

import math

import torch
from torch import Tensor, nn

from tests.parity.peer import PADDING, Peer, shake

WIDTH, HEADS, D_FF, LAYERS, ROWS = 16, 4, 24, 2, 40


def build() -> Peer:
    return peer_with("post", "relu")


def peer_with(place: str, activation: str) -> Peer:
    torch.manual_seed(3)
    model = nn.Transformer(
        WIDTH,
        HEADS,
        LAYERS,
        LAYERS,
        D_FF,
        0.0,
        activation,
        norm_first=place == "pre",
        batch_first=True,
    ).eval()
    model.encoder.use_nested_tensor = False  # a prototype of torch's, which warns
    shake(model)
    table = torch.randn(ROWS, WIDTH)

    def logits(source: Tensor, target: Tensor) -> Tensor:
        features = model(
            embedded(table, source),
            embedded(table, target),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(target.size(1)),
            src_key_padding_mask=source == PADDING,
            memory_key_padding_mask=source == PADDING,
            tgt_is_causal=True,
        )
        return features @ table.T

    return Peer(tensors={"embedding.weight": table, **model.state_dict()}, logits=logits)


def embedded(table: Tensor, tokens: Tensor) -> Tensor:
    """The paper's embeddings and positions, written down once more, entry by entry."""
    positions = torch.empty(tokens.size(1), WIDTH)
    for position in range(tokens.size(1)):
        for i in range(WIDTH // 2):
            angle = position / 10000 ** (2 * i / WIDTH)
            positions[position, 2 * i] = math.sin(angle)
            positions[position, 2 * i + 1] = math.cos(angle)
    return table[tokens] * WIDTH**0.5 + positions
