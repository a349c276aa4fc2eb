"""A small BertGenerationDecoder (Rothe et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BertGenerationConfig(**SMALL, max_position_embeddings=32, is_decoder=True)
    return peer_of(transformers.BertGenerationDecoder, config)
