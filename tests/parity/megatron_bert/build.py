"""A small MegatronBertForMaskedLM (Shoeybi et al. 2019)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MegatronBertConfig(**SMALL, max_position_embeddings=32)
    return peer_of(transformers.MegatronBertForMaskedLM, config)
