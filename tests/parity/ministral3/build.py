"""A small Ministral3ForCausalLM (Mistral AI 2025), its rotary angles as they are."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Ministral3Config(
        **SMALL,
        num_key_value_heads=2,
        head_dim=6,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "llama_4_scaling_beta": 0.1,
            "original_max_position_embeddings": 5,
        },
    )
    return peer_of(transformers.Ministral3ForCausalLM, config)
