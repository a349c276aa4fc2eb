"""A small Jais2ForCausalLM (Inception, MBZUAI and Cerebras 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Jais2Config(**SMALL, num_key_value_heads=2, head_dim=4)
    return peer_of(transformers.Jais2ForCausalLM, config)
