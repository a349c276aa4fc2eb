"""A small GraniteForCausalLM (Granite Team 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GraniteConfig(
        **SMALL,
        num_key_value_heads=2,
        embedding_multiplier=12.0,
        residual_multiplier=0.22,
        attention_multiplier=0.3,
        logits_scaling=2.0,
        tie_word_embeddings=True,
    )
    return peer_of(transformers.GraniteForCausalLM, config)
