"""A small TrOCRForCausalLM (Li et al. 2021)."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.TrOCRConfig(
        vocab_size=40,
        d_model=16,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=24,
        max_position_embeddings=32,
        is_decoder=False,
        **SYMBOLS,
    )
    return peer_of(transformers.TrOCRForCausalLM, config)
