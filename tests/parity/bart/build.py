"""A small BartForConditionalGeneration (Lewis et al. 2020)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BartConfig(**SMALL_PAIR)
    return peer_of(transformers.BartForConditionalGeneration, config)
