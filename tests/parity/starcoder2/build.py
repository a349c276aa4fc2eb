"""A small Starcoder2ForCausalLM (Lozhkov et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Starcoder2Config(**SMALL, num_key_value_heads=2, sliding_window=5)
    return peer_of(transformers.Starcoder2ForCausalLM, config)
