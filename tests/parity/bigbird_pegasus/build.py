"""A small BigBirdPegasusForConditionalGeneration (Zaheer et al. 2020)."""

import pytest

from tests.parity.peer import SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BigBirdPegasusConfig(
        **SMALL_PAIR,
        attention_type="original_full",
        scale_embedding=True,
    )
    return peer_of(transformers.BigBirdPegasusForConditionalGeneration, config)
