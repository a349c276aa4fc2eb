"""A small ElectraForMaskedLM (Clark et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ElectraConfig(**SMALL, max_position_embeddings=32, embedding_size=16)
    return peer_of(transformers.ElectraForMaskedLM, config)
