"""A small LlamaForCausalLM (Touvron et al. 2023)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.LlamaConfig(
        **SMALL,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
    )
    return peer_of(transformers.LlamaForCausalLM, config)
