"""A small LongT5ForConditionalGeneration (Guo et al. 2022)."""

import pytest

from tests.parity.peer import SMALL_T5, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.LongT5Config(
        **SMALL_T5,
        num_decoder_layers=2,
        local_radius=3,
        feed_forward_proj="gated-gelu",
    )
    return peer_of(transformers.LongT5ForConditionalGeneration, config)
