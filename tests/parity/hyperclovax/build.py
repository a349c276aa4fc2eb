"""A small HyperCLOVAXForCausalLM (NAVER Cloud 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.HyperCLOVAXConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=4,
        embedding_multiplier=4.0,
        attention_multiplier=0.3,
        residual_multiplier=0.25,
        logits_scaling=0.5,
    )
    return peer_of(transformers.HyperCLOVAXForCausalLM, config)
