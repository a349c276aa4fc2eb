"""A small LongformerForMaskedLM (Beltagy et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.LongformerConfig(
        **SMALL,
        max_position_embeddings=33,
        attention_window=4,
        type_vocab_size=1,
    )
    return peer_of(transformers.LongformerForMaskedLM, config)
