"""A small EuroBertForMaskedLM (Boizard et al. 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.EuroBertConfig(
        **SMALL,
        num_key_value_heads=2,
        head_dim=6,
        mask_token_id=1,
    )
    return peer_of(transformers.EuroBertForMaskedLM, config)
