"""A small T5GemmaForConditionalGeneration (Zhang et al. 2025)."""

import pytest

from tests.parity.peer import BEGIN, SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")

STACK = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "query_pre_attn_scalar": 9,
    "sliding_window": 5,
    "attn_logit_softcapping": 2.0,
    "final_logit_softcapping": 3.0,
    **SYMBOLS,
}


def build() -> Peer:
    config = transformers.T5GemmaConfig(
        encoder=STACK,
        decoder=STACK,
        vocab_size=40,
        decoder_start_token_id=BEGIN,
        **SYMBOLS,
    )
    return peer_of(transformers.T5GemmaForConditionalGeneration, config)
