"""A small Lfm2MoeForCausalLM (Liquid AI 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Lfm2MoeConfig(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=3,
        intermediate_size=24,
        moe_intermediate_size=12,
        num_dense_layers=1,
        num_experts=5,
        num_experts_per_tok=2,
        layer_types=["conv", "full_attention", "conv"],
        **SYMBOLS,
    )
    return peer_of(transformers.Lfm2MoeForCausalLM, config)
