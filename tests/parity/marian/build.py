"""A small MarianMTModel (Junczys-Dowmunt et al. 2018)."""

import pytest

from tests.parity.peer import BEGIN, END, SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MarianConfig(
        vocab_size=40,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_position_embeddings=32,
        activation_function="relu",
        scale_embedding=True,
        decoder_start_token_id=BEGIN,
        forced_eos_token_id=END,
        **SYMBOLS,
    )
    return peer_of(transformers.MarianMTModel, config)
