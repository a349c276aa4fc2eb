"""A small RoFormerForMaskedLM (Su et al. 2021)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.RoFormerConfig(**SMALL, max_position_embeddings=32, rotary_value=False)
    return peer_of(transformers.RoFormerForMaskedLM, config)
