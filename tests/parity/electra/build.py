"""A small ElectraForMaskedLM (Clark et al. 2020)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ElectraConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=32,
        embedding_size=16,
        **SYMBOLS,
    )
    return peer_of(transformers.ElectraForMaskedLM, config)
