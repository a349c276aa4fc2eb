"""A small Qwen3NextForCausalLM (Qwen 2025) whose layers all have attention."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3NextConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        layer_types=["full_attention"] * 2,
        num_experts=0,
        **SYMBOLS,
    )
    return peer_of(transformers.Qwen3NextForCausalLM, config)
