"""A small BlenderbotForConditionalGeneration (Roller et al. 2021)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BlenderbotConfig(**SMALL_PAIR)
    return peer_of(transformers.BlenderbotForConditionalGeneration, config)
