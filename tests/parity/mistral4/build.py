"""A small Mistral4ForCausalLM (Mistral AI 2026)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    **{"rope_type": "yarn", "rope_theta": 10000.0, "factor": 40.0, "mscale": 1.0},
    **{"original_max_position_embeddings": 8, "mscale_all_dim": 1.0},
    **{"llama_4_scaling_beta": 0.1, "beta_fast": 32.0, "beta_slow": 1.0},
}


def build() -> Peer:
    config = transformers.Mistral4Config(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=24,
        num_hidden_layers=2,
        moe_intermediate_size=12,
        n_routed_experts=8,
        n_shared_experts=1,
        num_experts_per_tok=3,
        n_group=4,
        topk_group=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        q_lora_rank=12,
        kv_lora_rank=16,
        qk_nope_head_dim=6,
        qk_rope_head_dim=4,
        v_head_dim=8,
        first_k_dense_replace=1,
        max_position_embeddings=320,
        rope_parameters=ROTARY,
        **SYMBOLS,
    )
    return peer_of(transformers.Mistral4ForCausalLM, config)
