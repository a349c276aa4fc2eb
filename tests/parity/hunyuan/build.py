"""A small HunYuanDenseV1ForCausalLM (Tencent 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.HunYuanDenseV1Config(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        **SYMBOLS,
    )
    return peer_of(transformers.HunYuanDenseV1ForCausalLM, config)
