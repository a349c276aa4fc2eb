"""A small Qwen2ForCausalLM (Yang et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen2Config(**SMALL, num_key_value_heads=2)
    return peer_of(transformers.Qwen2ForCausalLM, config)
