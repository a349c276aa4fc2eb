"""A small Qwen3NextForCausalLM (Qwen 2025) whose layers all have attention."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3NextConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=8,
        layer_types=["full_attention"] * 2,
        num_experts=0,
    )
    return peer_of(transformers.Qwen3NextForCausalLM, config)
