"""A small JinaEmbeddingsV3ForMaskedLM (Sturua et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.JinaEmbeddingsV3Config(
        **SMALL,
        max_position_embeddings=32,
        type_vocab_size=2,
    )
    return peer_of(transformers.JinaEmbeddingsV3ForMaskedLM, config)
