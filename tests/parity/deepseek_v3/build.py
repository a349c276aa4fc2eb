"""A small DeepseekV3ForCausalLM (DeepSeek-AI 2024): a dense layer, then experts in groups."""

import pytest

from tests.parity.peer import SMALL_LATENT, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    **{"rope_type": "yarn", "rope_theta": 10000.0, "factor": 40.0, "mscale": 1.0},
    **{"original_max_position_embeddings": 64, "mscale_all_dim": 1.0},
}


def build() -> Peer:
    config = transformers.DeepseekV3Config(
        **SMALL_LATENT,
        num_hidden_layers=3,
        n_shared_experts=2,
        n_group=4,
        topk_group=2,
        routed_scaling_factor=2.5,
        first_k_dense_replace=1,
        norm_topk_prob=True,
        num_key_value_heads=4,
        q_lora_rank=12,
        max_position_embeddings=2560,
        rope_parameters=ROTARY,
    )
    return peer_of(transformers.DeepseekV3ForCausalLM, config)
