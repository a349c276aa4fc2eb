"""A small BioGptForCausalLM (Luo et al. 2022)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.BioGptConfig(**SMALL, max_position_embeddings=32)
    return peer_of(transformers.BioGptForCausalLM, config)
