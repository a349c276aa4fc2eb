"""A small Qwen2MoeForCausalLM (Qwen team 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen2MoeConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=24,
        moe_intermediate_size=12,
        shared_expert_intermediate_size=20,
        num_experts=5,
        num_experts_per_tok=2,
        **SYMBOLS,
    )
    return peer_of(transformers.Qwen2MoeForCausalLM, config)
