"""A small M2M100ForConditionalGeneration (Fan et al. 2020), as NLLB is, too."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.M2M100Config(**SMALL_PAIR)
    return peer_of(transformers.M2M100ForConditionalGeneration, config)
