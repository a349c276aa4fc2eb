"""A small LayoutLMForMaskedLM (Xu et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.LayoutLMConfig(
        **SMALL,
        max_position_embeddings=32,
        max_2d_position_embeddings=8,
    )
    return peer_of(transformers.LayoutLMForMaskedLM, config)
