"""A small XLMRobertaForMaskedLM (Conneau et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.XLMRobertaConfig(**SMALL, max_position_embeddings=33, type_vocab_size=1)
    return peer_of(transformers.XLMRobertaForMaskedLM, config)
