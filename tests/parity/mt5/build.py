"""A small MT5ForConditionalGeneration (Xue et al. 2021)."""

import pytest

from tests.parity.peer import BEGIN, SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.MT5Config(
        vocab_size=40,
        d_model=16,
        d_kv=6,
        d_ff=24,
        num_layers=2,
        num_decoder_layers=1,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        initializer_factor=0.3,
        tie_word_embeddings=False,
        decoder_start_token_id=BEGIN,
        **SYMBOLS,
    )
    return peer_of(transformers.MT5ForConditionalGeneration, config)
