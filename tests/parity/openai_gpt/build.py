"""A small OpenAIGPTLMHeadModel (Radford et al. 2018)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.OpenAIGPTConfig(
        vocab_size=40,
        n_positions=32,
        n_embd=16,
        n_layer=2,
        n_head=4,
        **SYMBOLS,
    )
    return peer_of(transformers.OpenAIGPTLMHeadModel, config)
