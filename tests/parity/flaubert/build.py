"""A small FlaubertWithLMHeadModel (Le et al. 2020)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.FlaubertConfig(
        vocab_size=40,
        emb_dim=16,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=32,
        **SYMBOLS,
    )
    return peer_of(transformers.FlaubertWithLMHeadModel, config)
