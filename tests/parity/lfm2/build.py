"""A small Lfm2ForCausalLM (Amini et al. 2025): short convolutions, and attention in two layers."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Lfm2Config(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        conv_L_cache=3,
        block_auto_adjust_ff_dim=False,
        layer_types=["conv", "conv", "full_attention", "conv", "full_attention"],
        **SYMBOLS,
    )
    return peer_of(transformers.Lfm2ForCausalLM, config)
