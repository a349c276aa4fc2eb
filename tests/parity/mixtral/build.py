"""A small MixtralForCausalLM (Jiang et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MixtralConfig(
        **SMALL,
        num_key_value_heads=2,
        num_local_experts=4,
        num_experts_per_tok=2,
    )
    return peer_of(transformers.MixtralForCausalLM, config)
