"""A small ModernBertForMaskedLM (Warner et al. 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ModernBertConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        local_attention=8,
        max_position_embeddings=32,
        cls_token_id=2,
        sep_token_id=3,
        **SYMBOLS,
    )
    return peer_of(transformers.ModernBertForMaskedLM, config)
