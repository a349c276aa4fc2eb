"""A small UMT5ForConditionalGeneration (Chung et al. 2023)."""

import pytest

from tests.parity.peer import SMALL_T5, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.UMT5Config(
        **SMALL_T5,
        num_decoder_layers=2,
        feed_forward_proj="gated-gelu",
    )
    return peer_of(transformers.UMT5ForConditionalGeneration, config)
