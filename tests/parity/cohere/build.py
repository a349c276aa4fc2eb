"""A small CohereForCausalLM (Cohere 2024)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.CohereConfig(
        **SMALL,
        num_key_value_heads=2,
        use_qk_norm=False,
        logit_scale=0.5,
    )
    return peer_of(transformers.CohereForCausalLM, config)
