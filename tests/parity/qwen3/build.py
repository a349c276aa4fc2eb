"""A small Qwen3ForCausalLM (Yang et al. 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Qwen3Config(**SMALL, num_key_value_heads=2, head_dim=6)
    return peer_of(transformers.Qwen3ForCausalLM, config)
