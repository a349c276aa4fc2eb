"""A small GPTBigCodeForCausalLM (Ben Allal et al. 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GPTBigCodeConfig(
        vocab_size=40,
        n_positions=32,
        n_embd=16,
        n_layer=2,
        n_head=4,
        n_inner=24,
        **SYMBOLS,
    )
    return peer_of(transformers.GPTBigCodeForCausalLM, config)
