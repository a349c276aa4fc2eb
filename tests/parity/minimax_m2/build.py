"""A small MiniMaxM2ForCausalLM (MiniMax 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MiniMaxM2Config(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=2,
        intermediate_size=12,
        head_dim=8,
        num_local_experts=5,
        num_experts_per_tok=2,
        rope_parameters={"rope_type": "default", "rope_theta": 5e6, "partial_rotary_factor": 0.5},
        **SYMBOLS,
    )
    return peer_of(transformers.MiniMaxM2ForCausalLM, config)
