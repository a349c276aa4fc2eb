"""A small MarianMTModel (Junczys-Dowmunt et al. 2018)."""

import pytest

from tests.parity.peer import END, SMALL_PAIR, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MarianConfig(
        **SMALL_PAIR,
        activation_function="relu",
        scale_embedding=True,
        forced_eos_token_id=END,
    )
    return peer_of(transformers.MarianMTModel, config)
