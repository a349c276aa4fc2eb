"""A small FalconForCausalLM (Almazrouei et al. 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.FalconConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        bias=False,
        **SYMBOLS,
    )
    return peer_of(transformers.FalconForCausalLM, config)
