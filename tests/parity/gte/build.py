"""A small GteForMaskedLM (Zhang et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GteConfig(**SMALL, max_position_embeddings=32, type_vocab_size=2)
    return peer_of(transformers.GteForMaskedLM, config)
