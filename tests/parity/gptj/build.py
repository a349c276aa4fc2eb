"""A small GPTJForCausalLM (Wang and Komatsuzaki 2021)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GPTJConfig(
        vocab_size=40,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_inner=24,
        rotary_dim=4,
        n_positions=32,
        tie_word_embeddings=False,
        **SYMBOLS,
    )
    return peer_of(transformers.GPTJForCausalLM, config)
