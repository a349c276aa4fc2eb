"""A small Qwen3MoeForCausalLM (Yang et al. 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3MoeConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=6,
        moe_intermediate_size=24,
        num_experts=4,
        num_experts_per_tok=2,
        norm_topk_prob=True,
    )
    return peer_of(transformers.Qwen3MoeForCausalLM, config)
