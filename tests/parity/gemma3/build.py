"""A small text model of Gemma 3 (Gemma Team 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
    "full_attention": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 8.0},
}


def build() -> Peer:
    config = transformers.Gemma3TextConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        query_pre_attn_scalar=9,
        sliding_window=5,
        rope_parameters=ROTARY,
        **SYMBOLS,
    )
    return peer_of(transformers.Gemma3ForCausalLM, config)
