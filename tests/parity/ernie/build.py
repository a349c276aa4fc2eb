"""A small ErnieForMaskedLM (Sun et al. 2020)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.ErnieConfig(
        **SMALL,
        max_position_embeddings=32,
        use_task_id=True,
        task_type_vocab_size=3,
    )
    return peer_of(transformers.ErnieForMaskedLM, config)
