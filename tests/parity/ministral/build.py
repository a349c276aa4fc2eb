"""A small MinistralForCausalLM (Mistral AI 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MinistralConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        sliding_window=5,
        layer_types=["full_attention", "sliding_attention"],
        **SYMBOLS,
    )
    return peer_of(transformers.MinistralForCausalLM, config)
