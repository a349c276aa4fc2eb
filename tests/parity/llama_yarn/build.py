"""A small LlamaForCausalLM for longer texts by YaRN (Peng et al. 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "beta_fast": 16.0,
    "beta_slow": 2.0,
    "truncate": False,
    "attention_factor": 1.0889,
    "original_max_position_embeddings": 64,
}


def build() -> Peer:
    config = transformers.LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rope_parameters=ROTARY,
        **SYMBOLS,
    )
    return peer_of(transformers.LlamaForCausalLM, config)
