"""A small Data2VecTextForMaskedLM (Baevski et al. 2022)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Data2VecTextConfig(**SMALL, max_position_embeddings=33, type_vocab_size=1)
    return peer_of(transformers.Data2VecTextForMaskedLM, config)
