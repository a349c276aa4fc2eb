"""A small RoCBertForMaskedLM (Su et al. 2022)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.RoCBertConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=32,
        enable_pronunciation=False,
        enable_shape=False,
        pronunciation_vocab_size=4,
        shape_vocab_size=4,
        concat_input=False,
        **SYMBOLS,
    )
    return peer_of(transformers.RoCBertForMaskedLM, config)
