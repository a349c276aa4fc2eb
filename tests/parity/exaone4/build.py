"""A small Exaone4ForCausalLM (LG AI Research 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Exaone4Config(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=5,
        sliding_window_pattern=4,
        **SYMBOLS,
    )
    return peer_of(transformers.Exaone4ForCausalLM, config)
