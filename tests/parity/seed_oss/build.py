"""A small SeedOssForCausalLM (ByteDance 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.SeedOssConfig(**SMALL, num_key_value_heads=2, head_dim=6)
    return peer_of(transformers.SeedOssForCausalLM, config)
