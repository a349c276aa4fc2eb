"""A small NomicBertForMaskedLM (Nussbaum et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.NomicBertConfig(**SMALL, max_position_embeddings=32, head_dim=4)
    return peer_of(transformers.NomicBertForMaskedLM, config)
