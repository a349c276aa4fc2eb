"""A small Qwen2MoeForCausalLM (Qwen team 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen2MoeConfig(
        **SMALL,
        num_key_value_heads=2,
        moe_intermediate_size=12,
        shared_expert_intermediate_size=20,
        num_experts=5,
        num_experts_per_tok=2,
    )
    return peer_of(transformers.Qwen2MoeForCausalLM, config)
