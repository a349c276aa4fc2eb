"""A small RoCBertForMaskedLM (Su et al. 2022)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.RoCBertConfig(
        **SMALL,
        max_position_embeddings=32,
        enable_pronunciation=False,
        enable_shape=False,
        pronunciation_vocab_size=4,
        shape_vocab_size=4,
        concat_input=False,
    )
    return peer_of(transformers.RoCBertForMaskedLM, config)
