"""A small Qwen2ForCausalLM for longer texts by YaRN (Peng et al. 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

ROTARY = {
    "rope_type": "yarn",
    "rope_theta": 1000000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 64,
}


def build() -> Peer:
    config = transformers.Qwen2Config(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        rope_parameters=ROTARY,
        **SYMBOLS,
    )
    return peer_of(transformers.Qwen2ForCausalLM, config)
