"""adamw-cosine: what each attention reads. Written by specformer."""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .model import (
    D_K,
    D_V,
    HEADS,
    CrossAttention,
    DecoderSelfAttention,
    EncoderSelfAttention,
    Transformer,
    split_heads,
)


def attention_weights(model: Transformer, source: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Return the weights of each attention, without dropout, by the name of its module.

    source [batch, source], target [batch, target] -> weights [batch, heads, queries, keys]

    They are recomputed plainly from what each module is given as the model runs.
    """
    found: dict[str, Tensor] = {}

    def observe(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            found[name] = PROGRAMS[type(module)](module, *inputs)[0]

        return hook

    observed = [(name, each) for name, each in model.named_modules() if type(each) in PROGRAMS]
    handles = [module.register_forward_pre_hook(observe(name)) for name, module in observed]
    try:
        model.features(source, target)
    finally:
        for handle in handles:
            handle.remove()
    return found


def weights(query: Tensor, key: Tensor, *masks: Tensor) -> Tensor:
    """Compute the weights of attention: their sum is 1, or 0 where no key may be read.

    query [batch, heads, queries, width], key [batch, heads, keys, width]
    -> [batch, heads, queries, keys]; a mask is true where a key may be read.
    """
    score = query @ key.transpose(2, 3) / math.sqrt(query.size(-1))
    for mask in masks:
        score = score.masked_fill(~mask, -torch.inf)
    return score.softmax(-1).nan_to_num(0.0)


def pairs(reads: Callable[[Tensor, Tensor], Tensor], query: Tensor) -> Tensor:
    """Ask `reads` for all pairs of positions, query [..., position, width] -> mask"""
    i = torch.arange(query.size(-2), device=query.device)
    return reads(i[:, None], i).expand(i.numel(), -1)


def decoder_reads(i: Tensor, j: Tensor) -> Tensor:
    """`causal`: true where position i reads position j."""
    return j <= i


def encoder_self_attention(
    module: EncoderSelfAttention, x: Tensor, source_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source] ->
    weights [batch, HEADS, source, source], values [batch, HEADS, source, D_V]
    """
    query, key, value = split_heads(module.query_key_value(x), HEADS, D_K, D_K, D_V)
    return weights(query, key, source_mask), value


def decoder_self_attention(module: DecoderSelfAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """x [batch, target, D_MODEL] -> weights [batch, HEADS, target, target],
    values [batch, HEADS, target, D_V]
    """
    query, key, value = split_heads(module.query_key_value(x), HEADS, D_K, D_K, D_V)
    return weights(query, key, pairs(decoder_reads, query)), value


def cross_attention(
    module: CrossAttention, x: Tensor, memory: Tensor, source_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
    source_mask [batch, 1, 1, source] -> weights [batch, HEADS, target, source],
    values [batch, HEADS, source, D_V]
    """
    (query,) = split_heads(module.query(x), HEADS, D_K)
    key, value = split_heads(module.key_value(memory), HEADS, D_K, D_V)
    return weights(query, key, source_mask), value


PROGRAMS: dict[type[nn.Module], Callable[..., tuple[Tensor, Tensor]]] = {
    EncoderSelfAttention: encoder_self_attention,
    DecoderSelfAttention: decoder_self_attention,
    CrossAttention: cross_attention,
}
