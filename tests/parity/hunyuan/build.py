"""A small HunYuanDenseV1ForCausalLM (Tencent 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.HunYuanDenseV1Config(
        **SMALL,
        num_key_value_heads=2,
        head_dim=6,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
    )
    return peer_of(transformers.HunYuanDenseV1ForCausalLM, config)
