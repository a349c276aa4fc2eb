"""A small MinistralForCausalLM (Mistral AI 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MinistralConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=6,
        sliding_window=5,
        layer_types=["full_attention", "sliding_attention"],
    )
    return peer_of(transformers.MinistralForCausalLM, config)
