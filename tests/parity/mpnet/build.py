"""A small MPNetForMaskedLM (Song et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MPNetConfig(**SMALL, max_position_embeddings=34)
    return peer_of(transformers.MPNetForMaskedLM, config)
