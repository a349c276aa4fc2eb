"""A small SolarOpenForCausalLM (Upstage 2026)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.SolarOpenConfig(
        vocab_size=40,
        hidden_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=2,
        head_dim=6,
        moe_intermediate_size=12,
        n_routed_experts=6,
        n_shared_experts=1,
        num_experts_per_tok=2,
        routed_scaling_factor=1.5,
        **SYMBOLS,
    )
    return peer_of(transformers.SolarOpenForCausalLM, config)
