"""A small HunYuanMoEV1ForCausalLM (Tencent 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.HunYuanMoEV1Config(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=2,
        intermediate_size=12,
        head_dim=6,
        num_experts=5,
        moe_topk=2,
        **SYMBOLS,
    )
    return peer_of(transformers.HunYuanMoEV1ForCausalLM, config)
