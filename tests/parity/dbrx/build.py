"""A small DbrxForCausalLM (Databricks 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.DbrxConfig(
        vocab_size=40,
        d_model=16,
        n_heads=4,
        n_layers=2,
        max_seq_len=32,
        attn_config={"kv_n_heads": 2, "clip_qkv": 100.0, "rope_theta": 10000.0},
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        ffn_config={"ffn_hidden_size": 24, "moe_num_experts": 4, "moe_top_k": 2},
        **SYMBOLS,
    )
    return peer_of(transformers.DbrxForCausalLM, config)
