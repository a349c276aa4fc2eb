"""A small FSMTForConditionalGeneration (Ng et al. 2019)."""

import pytest
from torch import Tensor

from tests.parity.peer import BEGIN, PADDING, SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.FSMTConfig(
        vocab_size=40,
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        src_vocab_size=40,
        tgt_vocab_size=40,
        max_position_embeddings=64,
        use_cache=False,  # with one, the whole text would be read without a causal mask
        decoder_start_token_id=BEGIN,
        **SYMBOLS,
    )
    peer = peer_of(transformers.FSMTForConditionalGeneration, config)
    for name, table in peer.tensors.items():
        if "embed_positions" in name:  # sines and cosines, which `peer_of` takes for trained
            table.copy_(_sines_and_cosines(*table.shape))
    return peer


def _sines_and_cosines(rows: int, width: int) -> Tensor:
    from transformers.models.fsmt.modeling_fsmt import SinusoidalPositionalEmbedding

    return SinusoidalPositionalEmbedding.get_embedding(rows, width, PADDING)
