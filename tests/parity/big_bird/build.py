"""A small BigBirdForMaskedLM (Zaheer et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BigBirdConfig(
        **SMALL,
        max_position_embeddings=32,
        attention_type="original_full",
    )
    return peer_of(transformers.BigBirdForMaskedLM, config)
