"""A small ApertusForCausalLM (Apertus project 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ApertusConfig(**SMALL, num_key_value_heads=2, dtype="float32")
    return peer_of(lambda config: transformers.ApertusForCausalLM(config).float(), config)
