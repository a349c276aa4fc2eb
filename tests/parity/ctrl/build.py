"""A small CTRLLMHeadModel (Keskar et al. 2019)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.CTRLConfig(
        vocab_size=40,
        n_positions=32,
        n_embd=16,
        n_layer=2,
        n_head=4,
        dff=24,
        **SYMBOLS,
    )
    return peer_of(transformers.CTRLLMHeadModel, config)
