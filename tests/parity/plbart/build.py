"""A small PLBartForConditionalGeneration (Ahmad et al. 2021)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.PLBartConfig(**SMALL_PAIR)
    return peer_of(transformers.PLBartForConditionalGeneration, config)
