"""A small GPTNeoForCausalLM (Black et al. 2021)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GPTNeoConfig(
        vocab_size=40,
        hidden_size=16,
        num_layers=4,
        attention_types=[[["global", "local"], 2]],
        num_heads=4,
        intermediate_size=24,
        window_size=5,
        max_position_embeddings=32,
        **SYMBOLS,
    )
    return peer_of(transformers.GPTNeoForCausalLM, config)
