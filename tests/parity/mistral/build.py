"""A small MistralForCausalLM (Jiang et al. 2023)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MistralConfig(**SMALL, num_key_value_heads=2, sliding_window=5)
    return peer_of(transformers.MistralForCausalLM, config)
