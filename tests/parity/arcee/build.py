"""A small ArceeForCausalLM (Arcee AI 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ArceeConfig(**SMALL, num_key_value_heads=2)
    return peer_of(transformers.ArceeForCausalLM, config)
