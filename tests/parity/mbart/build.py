"""A small MBartForConditionalGeneration (Liu et al. 2020)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MBartConfig(**SMALL_PAIR, scale_embedding=True)
    return peer_of(transformers.MBartForConditionalGeneration, config)
