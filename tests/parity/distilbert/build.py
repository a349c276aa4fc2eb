"""A small DistilBertForMaskedLM (Sanh et al. 2019)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.DistilBertConfig(
        vocab_size=40,
        dim=16,
        hidden_dim=24,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=32,
        **SYMBOLS,
    )
    return peer_of(transformers.DistilBertForMaskedLM, config)
