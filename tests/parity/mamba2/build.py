"""A small Mamba2ForCausalLM (Dao and Gu 2024): state spaces and nothing else."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Mamba2Config(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=3,
        num_heads=4,
        head_dim=8,
        state_size=6,
        n_groups=2,
        conv_kernel=4,
        chunk_size=8,
        **SYMBOLS,
    )
    return peer_of(transformers.Mamba2ForCausalLM, config)
