"""A small RoFormerForMaskedLM (Su et al. 2021)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.RoFormerConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        rotary_value=False,
        **SYMBOLS,
    )
    return peer_of(transformers.RoFormerForMaskedLM, config)
