"""A small HyperCLOVAXForCausalLM (NAVER Cloud 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.HyperCLOVAXConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=4,
        embedding_multiplier=4.0,
        attention_multiplier=0.3,
        residual_multiplier=0.25,
        logits_scaling=0.5,
        **SYMBOLS,
    )
    return peer_of(transformers.HyperCLOVAXForCausalLM, config)
