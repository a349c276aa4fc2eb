"""A small GraniteMoeForCausalLM (IBM 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GraniteMoeConfig(
        **SMALL,
        num_key_value_heads=2,
        embedding_multiplier=4.0,
        attention_multiplier=0.3,
        residual_multiplier=0.25,
        logits_scaling=0.25,
        num_local_experts=4,
        num_experts_per_tok=2,
    )
    return peer_of(transformers.GraniteMoeForCausalLM, config)
