"""A small XGLMForCausalLM (Lin et al. 2021)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.XGLMConfig(
        vocab_size=40,
        d_model=16,
        ffn_dim=24,
        num_layers=2,
        attention_heads=4,
        max_position_embeddings=32,
        **SYMBOLS,
    )
    return peer_of(transformers.XGLMForCausalLM, config)
