"""A small BambaForCausalLM (IBM et al. 2024): state spaces, and attention in one layer."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BambaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        attn_layer_indices=[2],
        mamba_n_heads=4,
        mamba_d_head=8,
        mamba_d_state=6,
        mamba_chunk_size=8,
        **SYMBOLS,
    )
    return peer_of(transformers.BambaForCausalLM, config)
