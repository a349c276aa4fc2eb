"""A small Data2VecTextForMaskedLM (Baevski et al. 2022)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Data2VecTextConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=33,
        type_vocab_size=1,
        **SYMBOLS,
    )
    return peer_of(transformers.Data2VecTextForMaskedLM, config)
