"""A small PegasusForConditionalGeneration (Zhang et al. 2020)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.PegasusConfig(
        **SMALL_PAIR,
        scale_embedding=True,
        activation_function="relu",
    )
    return peer_of(transformers.PegasusForConditionalGeneration, config)
