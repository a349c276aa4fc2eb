"""A small FlexOlmoForCausalLM (Shi et al. 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.FlexOlmoConfig(
        **SMALL,
        num_key_value_heads=2,
        num_experts=4,
        num_experts_per_tok=2,
        norm_topk_prob=True,
    )
    return peer_of(transformers.FlexOlmoForCausalLM, config)
