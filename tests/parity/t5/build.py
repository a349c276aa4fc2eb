"""A small T5ForConditionalGeneration of version 1.1 (Raffel et al. 2020; Shazeer 2020)."""

import pytest

from tests.parity.peer import SMALL_T5, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.T5Config(
        **SMALL_T5,
        num_decoder_layers=2,
        feed_forward_proj="gated-gelu",
    )
    return peer_of(transformers.T5ForConditionalGeneration, config)
