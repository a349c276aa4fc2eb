"""A small AfmoeForCausalLM (Arcee 2025) whose layers are all dense."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.AfmoeConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_dense_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        sliding_window=6,
        mup_enabled=True,
        **SYMBOLS,
    )
    return peer_of(transformers.AfmoeForCausalLM, config)
