"""A small Llama4ForCausalLM (Meta 2025): its network of texts."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Llama4TextConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=12,
        intermediate_size_mlp=24,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        num_local_experts=4,
        interleave_moe_layer_step=2,
        attention_chunk_size=6,
        floor_scale=5,
        attn_scale=0.3,
        **SYMBOLS,
    )
    return peer_of(transformers.Llama4ForCausalLM, config)
