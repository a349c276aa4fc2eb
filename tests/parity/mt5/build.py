"""A small MT5ForConditionalGeneration (Xue et al. 2021)."""

import pytest

from tests.parity.peer import SMALL_T5, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MT5Config(
        **SMALL_T5,
        num_decoder_layers=1,
    )
    return peer_of(transformers.MT5ForConditionalGeneration, config)
