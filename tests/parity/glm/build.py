"""A small GlmForCausalLM (GLM Team 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GlmConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=8,
        partial_rotary_factor=0.5,
        attention_bias=True,
    )
    return peer_of(transformers.GlmForCausalLM, config)
