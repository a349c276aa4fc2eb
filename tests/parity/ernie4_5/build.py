"""A small Ernie4_5ForCausalLM (Baidu 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Ernie4_5Config(**SMALL, num_key_value_heads=2, head_dim=6, use_bias=True)
    return peer_of(transformers.Ernie4_5ForCausalLM, config)
