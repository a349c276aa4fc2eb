"""A small StableLmForCausalLM (Tow et al. 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.StableLmConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        **SYMBOLS,
    )
    return peer_of(transformers.StableLmForCausalLM, config)
