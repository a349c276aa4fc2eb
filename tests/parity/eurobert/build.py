"""A small EuroBertForMaskedLM (Boizard et al. 2025)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.EuroBertConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=6,
        mask_token_id=1,
        **SYMBOLS,
    )
    return peer_of(transformers.EuroBertForMaskedLM, config)
