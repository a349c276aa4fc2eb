"""A small EsmForMaskedLM (Lin et al. 2022)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.EsmConfig(
        **SMALL,
        max_position_embeddings=32,
        position_embedding_type="rotary",
        mask_token_id=1,
        layer_norm_eps=1e-5,
    )
    return peer_of(transformers.EsmForMaskedLM, config)
