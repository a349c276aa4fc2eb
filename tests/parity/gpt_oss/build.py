"""A small GptOssForCausalLM (OpenAI 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    **{"rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "truncate": False},
    **{"original_max_position_embeddings": 64, "beta_fast": 32.0, "beta_slow": 1.0},
}


def build() -> Peer:
    config = transformers.GptOssConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=12,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        sliding_window=5,
        num_local_experts=4,
        num_experts_per_tok=2,
        swiglu_limit=0.3,
        max_position_embeddings=2048,
        rope_parameters=ROTARY,
        **SYMBOLS,
    )
    return peer_of(transformers.GptOssForCausalLM, config)
