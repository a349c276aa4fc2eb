"""A small UMT5ForConditionalGeneration (Chung et al. 2023)."""

import pytest

from tests.parity.peer import BEGIN, SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.UMT5Config(
        vocab_size=40,
        d_model=16,
        d_kv=6,
        d_ff=24,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=16,
        feed_forward_proj="gated-gelu",
        initializer_factor=0.3,
        tie_word_embeddings=False,
        decoder_start_token_id=BEGIN,
        **SYMBOLS,
    )
    return peer_of(transformers.UMT5ForConditionalGeneration, config)
