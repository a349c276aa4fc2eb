"""A small EsmcForMaskedLM (EvolutionaryScale 2024)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.EsmcConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=9,
        num_attention_heads=4,
        mask_token_id=1,
        **SYMBOLS,
    )
    return peer_of(transformers.EsmcForMaskedLM, config)
