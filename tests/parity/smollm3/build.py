"""A small SmolLM3ForCausalLM (Hugging Face 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.SmolLM3Config(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        no_rope_layers=[1, 1, 1, 0],
        **SYMBOLS,
    )
    return peer_of(transformers.SmolLM3ForCausalLM, config)
