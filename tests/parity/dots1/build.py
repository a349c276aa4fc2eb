"""A small Dots1ForCausalLM (Huo et al. 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Dots1Config(
        **SMALL,
        num_key_value_heads=2,
        moe_intermediate_size=12,
        n_routed_experts=6,
        n_shared_experts=1,
        num_experts_per_tok=2,
        routed_scaling_factor=1.5,
        first_k_dense_replace=1,
        norm_topk_prob=False,
    )
    return peer_of(transformers.Dots1ForCausalLM, config)
