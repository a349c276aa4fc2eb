"""A small CwmForCausalLM (FAIR CodeGen Team 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.CwmConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        sliding_window=5,
        layer_types=[
            "full_attention",
            "sliding_attention",
            "sliding_attention",
            "sliding_attention",
        ],
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        **SYMBOLS,
    )
    return peer_of(transformers.CwmForCausalLM, config)
