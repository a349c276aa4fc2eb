"""A small Qwen3_5ForCausalLM (Qwen team 2026): its network of texts."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3_5TextConfig(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=4,
        intermediate_size=24,
        head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=6,
        linear_value_head_dim=5,
        layer_types=[*["linear_attention"] * 3, "full_attention"],
        use_cache=False,
        **SYMBOLS,
    )
    return peer_of(transformers.Qwen3_5ForCausalLM, config)
