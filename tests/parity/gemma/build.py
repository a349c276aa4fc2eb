"""A small GemmaForCausalLM (Gemma Team 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GemmaConfig(**SMALL, num_key_value_heads=2, head_dim=6)
    return peer_of(transformers.GemmaForCausalLM, config)
