"""A small BloomForCausalLM (Scao et al. 2022)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BloomConfig(
        vocab_size=40,
        hidden_size=18,
        n_layer=2,
        n_head=3,
        **SYMBOLS,
    )
    return peer_of(transformers.BloomForCausalLM, config)
