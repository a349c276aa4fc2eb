"""A small CodeGenForCausalLM (Nijkamp et al. 2022)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.CodeGenConfig(
        vocab_size=40,
        n_positions=32,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_inner=48,
        rotary_dim=4,
        **SYMBOLS,
    )
    return peer_of(transformers.CodeGenForCausalLM, config)
