"""A small Qwen3NextForCausalLM (Qwen team 2025), its layers of Gated DeltaNet alone, and dense."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3NextConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=6,
        linear_value_head_dim=5,
        layer_types=["linear_attention"] * 3,
        mlp_only_layers=[0, 1, 2],
        use_cache=False,
        **SYMBOLS,
    )
    return peer_of(transformers.Qwen3NextForCausalLM, config)
