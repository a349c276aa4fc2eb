"""A small Mistral4ForCausalLM (Mistral AI 2026)."""

import pytest

from tests.parity.peer import SMALL_LATENT, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    **{"rope_type": "yarn", "rope_theta": 10000.0, "factor": 40.0, "mscale": 1.0},
    **{"original_max_position_embeddings": 8, "mscale_all_dim": 1.0},
    **{"llama_4_scaling_beta": 0.1, "beta_fast": 32.0, "beta_slow": 1.0},
}


def build() -> Peer:
    config = transformers.Mistral4Config(
        **SMALL_LATENT,
        num_hidden_layers=2,
        n_shared_experts=1,
        n_group=4,
        topk_group=2,
        num_key_value_heads=4,
        q_lora_rank=12,
        first_k_dense_replace=1,
        max_position_embeddings=320,
        rope_parameters=ROTARY,
    )
    return peer_of(transformers.Mistral4ForCausalLM, config)
