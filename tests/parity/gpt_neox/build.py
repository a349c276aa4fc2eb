"""A small GPTNeoXForCausalLM (Black et al. 2022) whose sub-layers follow one another."""

import pytest

from tests.parity.peer import SYMBOLS, Peer, peer_of

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    config = transformers.GPTNeoXConfig(
        vocab_size=40,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_size=32,
        use_parallel_residual=False,
        **SYMBOLS,
    )
    return peer_of(transformers.GPTNeoXForCausalLM, config)
