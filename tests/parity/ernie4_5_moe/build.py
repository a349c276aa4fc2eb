"""A small Ernie4_5_MoeForCausalLM (Baidu 2025)."""

import pytest

from tests.parity.peer import SMALL, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.Ernie4_5_MoeConfig(
        **SMALL,
        num_key_value_heads=2,
        moe_intermediate_size=12,
        moe_num_experts=6,
        moe_num_shared_experts=2,
        moe_k=2,
        moe_layer_start_index=1,
        tie_word_embeddings=False,
    )
    return peer_of(transformers.Ernie4_5_MoeForCausalLM, config)
