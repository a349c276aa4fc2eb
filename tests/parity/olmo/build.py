"""A small OlmoForCausalLM (Groeneveld et al. 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.OlmoConfig(**SMALL)
    return peer_of(transformers.OlmoForCausalLM, config)
