"""A small RobertaPreLayerNormForMaskedLM (Ott et al. 2019)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.RobertaPreLayerNormConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=33,
        type_vocab_size=1,
        **SYMBOLS,
    )
    return peer_of(transformers.RobertaPreLayerNormForMaskedLM, config)
