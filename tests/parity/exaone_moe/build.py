"""A small ExaoneMoeForCausalLM (LG AI Research 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ExaoneMoeConfig(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=4,
        intermediate_size=24,
        moe_intermediate_size=12,
        num_experts=6,
        num_experts_per_tok=2,
        num_shared_experts=1,
        sliding_window=5,
        sliding_window_pattern=4,
        **SYMBOLS,
    )
    return peer_of(transformers.ExaoneMoeForCausalLM, config)
