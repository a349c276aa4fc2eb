"""A small XLMRobertaXLForMaskedLM (Goyal et al. 2021)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.XLMRobertaXLConfig(
        **SMALL,
        max_position_embeddings=33,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
    )
    return peer_of(transformers.XLMRobertaXLForMaskedLM, config)
