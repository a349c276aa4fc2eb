"""A small MptForCausalLM (MosaicML 2023)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MptConfig(
        vocab_size=40,
        d_model=16,
        n_heads=4,
        n_layers=2,
        expansion_ratio=2,
        max_seq_len=32,
        **SYMBOLS,
    )
    return peer_of(transformers.MptForCausalLM, config)
