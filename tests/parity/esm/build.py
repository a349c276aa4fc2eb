"""A small EsmForMaskedLM (Lin et al. 2022)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.EsmConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=32,
        position_embedding_type="rotary",
        mask_token_id=1,
        layer_norm_eps=1e-5,
        **SYMBOLS,
    )
    return peer_of(transformers.EsmForMaskedLM, config)
