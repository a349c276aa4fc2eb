"""A small MvpForConditionalGeneration (Tang et al. 2023)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MvpConfig(**SMALL_PAIR)
    return peer_of(transformers.MvpForConditionalGeneration, config)
