"""A small Glm4MoeLiteForCausalLM (GLM team 2026)."""

import pytest

from tests.parity.peer import SMALL_LATENT, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Glm4MoeLiteConfig(
        **SMALL_LATENT,
        num_hidden_layers=2,
        n_shared_experts=1,
        num_key_value_heads=4,
        q_lora_rank=12,
        mlp_layer_types=["dense", "sparse"],
    )
    return peer_of(transformers.Glm4MoeLiteForCausalLM, config)
