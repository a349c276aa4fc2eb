"""A small BertForSequenceClassification (Devlin et al. 2019)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BertConfig(**SMALL, max_position_embeddings=32, num_labels=3)
    return peer_of(transformers.BertForSequenceClassification, config)
