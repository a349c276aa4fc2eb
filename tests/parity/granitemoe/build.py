"""A small GraniteMoeForCausalLM (IBM 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GraniteMoeConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        embedding_multiplier=4.0,
        attention_multiplier=0.3,
        residual_multiplier=0.25,
        logits_scaling=0.25,
        num_local_experts=4,
        num_experts_per_tok=2,
        **SYMBOLS,
    )
    return peer_of(transformers.GraniteMoeForCausalLM, config)
