"""A small Pythia (Biderman et al. 2023), which is a GPTNeoXForCausalLM."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GPTNeoXConfig(
        vocab_size=40,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_size=32,
        **SYMBOLS,
    )
    return peer_of(transformers.GPTNeoXForCausalLM, config)
