"""A small NanoChatForCausalLM (Karpathy 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.NanoChatConfig(**SMALL, num_key_value_heads=2)
    return peer_of(transformers.NanoChatForCausalLM, config)
