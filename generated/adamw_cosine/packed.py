"""adamw-cosine: its features of packed sentences. Written by specformer.

Packed sentences stand one after the other, without padding. Each program is the forward pass of a
class of `model.py`. Positions begin anew in each sentence, and no place reads one of another
sentence. In shapes, the name of a stream is the number of its places.
"""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import (
    D_K,
    D_MODEL,
    D_V,
    DROPOUT,
    HEADS,
    CrossAttention,
    Decoder,
    DecoderLayer,
    DecoderSelfAttention,
    Encoder,
    EncoderLayer,
    EncoderSelfAttention,
    Transformer,
    dropout,
    merge_heads,
    sinusoidal_positions,
    split_heads,
)


class Packed(NamedTuple):
    """Sentences that stand one after the other, without padding.

    tokens [place], of type int64; offsets [sentences + 1], of type int32: a sentence has the places
    from its offset to the next one, and every place belongs to a sentence. No sentence has more
    tokens than `longest`.
    """

    tokens: Tensor
    offsets: Tensor
    longest: int


def features(model: Transformer, source: Packed, target: Packed) -> Tensor:
    """Compute what `model.features` computes of padded sentences.

    -> [target, D_MODEL]
    """
    memory = encode(model, source)
    x = model.embedding(target.tokens[None]) * math.sqrt(D_MODEL)
    x = x + at_places(
        sinusoidal_positions(0, target.longest, D_MODEL, model.embedding.weight), target
    )
    x = dropout(x, DROPOUT, model.training)
    x = decoder(model.decoder, x, memory, source, target)
    return x[0]


def encode(model: Transformer, source: Packed) -> Tensor:
    """Compute what `model.encode` computes of padded sentences.

    -> [1, source, D_MODEL]
    """
    x = model.embedding(source.tokens[None]) * math.sqrt(D_MODEL)
    x = x + at_places(
        sinusoidal_positions(0, source.longest, D_MODEL, model.embedding.weight), source
    )
    x = dropout(x, DROPOUT, model.training)
    return encoder(model.encoder, x, source)


def encoder(module: Encoder, x: Tensor, source: Packed) -> Tensor:
    """x [1, source, D_MODEL] -> [1, source, D_MODEL]"""
    for layer in module.layers:
        x = run(encoder_layer, layer, x, source)
    return module.norm(x)


def encoder_layer(module: EncoderLayer, x: Tensor, source: Packed) -> Tensor:
    """x [1, source, D_MODEL] -> [1, source, D_MODEL]"""
    y = encoder_self_attention(module.self_attention, module.self_attention_norm(x), source)
    x = x + dropout(y, DROPOUT, module.training)
    y = module.feed_forward(module.feed_forward_norm(x))
    return x + dropout(y, DROPOUT, module.training)


def encoder_self_attention(module: EncoderSelfAttention, x: Tensor, source: Packed) -> Tensor:
    """x [1, source, D_MODEL] -> [1, source, D_MODEL]"""
    query, key, value = split_heads(module.query_key_value(x), HEADS, D_K, D_K, D_V)
    mixed = packed_attention(query, key, value, source, source)
    return module.output(merge_heads(mixed))


def decoder(module: Decoder, x: Tensor, memory: Tensor, source: Packed, target: Packed) -> Tensor:
    """x [1, target, D_MODEL], memory [1, source, D_MODEL] -> [1, target, D_MODEL]"""
    for layer in module.layers:
        x = run(decoder_layer, layer, x, memory, source, target)
    return module.norm(x)


def decoder_layer(
    module: DecoderLayer, x: Tensor, memory: Tensor, source: Packed, target: Packed
) -> Tensor:
    """x [1, target, D_MODEL], memory [1, source, D_MODEL] -> [1, target, D_MODEL]"""
    y = decoder_self_attention(module.self_attention, module.self_attention_norm(x), target)
    x = x + dropout(y, DROPOUT, module.training)
    y = cross_attention(
        module.cross_attention, module.cross_attention_norm(x), memory, source, target
    )
    x = x + dropout(y, DROPOUT, module.training)
    y = module.feed_forward(module.feed_forward_norm(x))
    return x + dropout(y, DROPOUT, module.training)


def decoder_self_attention(module: DecoderSelfAttention, x: Tensor, target: Packed) -> Tensor:
    """x [1, target, D_MODEL] -> [1, target, D_MODEL]"""
    query, key, value = split_heads(module.query_key_value(x), HEADS, D_K, D_K, D_V)
    mixed = packed_attention(query, key, value, target, target, window=(-1, 0))
    return module.output(merge_heads(mixed))


def cross_attention(
    module: CrossAttention, x: Tensor, memory: Tensor, source: Packed, target: Packed
) -> Tensor:
    """x [1, target, D_MODEL], memory [1, source, D_MODEL] -> [1, target, D_MODEL]"""
    (query,) = split_heads(module.query(x), HEADS, D_K)
    key, value = split_heads(module.key_value(memory), HEADS, D_K, D_V)
    mixed = packed_attention(query, key, value, target, source)
    return module.output(merge_heads(mixed))


def sentence_numbers(packed: Packed) -> Tensor:
    """Return the number of the sentence that each place belongs to, from 0 on -> [place]"""
    place = torch.arange(packed.tokens.size(0), device=packed.offsets.device, dtype=torch.int32)
    return torch.searchsorted(packed.offsets[1:], place, right=True)


def at_places(values: Tensor, packed: Packed) -> Tensor:
    """Select for each place what belongs to its position, which begins anew in each sentence.

    values [position, width] -> [place, width]
    """
    place = torch.arange(packed.tokens.size(0), device=values.device)
    return values[place - packed.offsets[sentence_numbers(packed)]]


def varlen_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Packed,
    keys: Packed,
    window: tuple[int, int] = (-1, -1),
) -> Tensor:
    """Attention within each sentence, by FlashAttention's kernel, which a CPU does not have.

    query [1, heads, place, width], key and value [1, heads, place, width] of the keys' places
    -> [1, heads, place, width]. Raises ValueError for numbers of 32 bits, which it cannot read.
    """
    from torch.nn.attention.varlen import varlen_attn

    if value.dtype not in (torch.bfloat16, torch.float16):
        expected = "bfloat16 or float16 for packed sentences on a GPU"
        raise ValueError(f"expected {expected}, got {value.dtype}: use autocast, or pad them")
    width = query.size(-1)
    extra = -width % 8  # the kernel reads eight numbers at once

    def rows(x: Tensor) -> Tensor:
        """x [1, heads, place, width] -> [place, heads, width + extra]"""
        x = x.type_as(value).squeeze(0).transpose(0, 1)
        return F.pad(x, (0, extra)) if extra else x

    mixed = varlen_attn(
        rows(query),
        rows(key),
        rows(value),
        queries.offsets,
        keys.offsets,
        queries.longest,
        keys.longest,
        scale=width**-0.5,
        window_size=window,
    )
    assert isinstance(mixed, Tensor)
    return mixed[..., :width].transpose(0, 1)[None]


def sentence_lengths(packed: Packed) -> list[int]:
    """Return the lengths of the sentences; raises ValueError if one has more than `longest`."""
    lengths: list[int] = packed.offsets.diff().tolist()
    if max(lengths) > packed.longest:
        raise ValueError(f"expected at most {packed.longest} tokens, got {max(lengths)}")
    return lengths


def attention_by_sentence(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Packed,
    keys: Packed,
    window: tuple[int, int] = (-1, -1),
) -> Tensor:
    """Attention to each sentence by itself, one after the other.

    query [1, heads, place, width], key and value [1, heads, place, width] of the keys' places
    -> [1, heads, place, width]. Raises ValueError for a sentence that is too long.
    """
    lengths = sentence_lengths(queries), sentence_lengths(keys), sentence_lengths(keys)
    streams = zip((query, key, value), lengths, strict=True)
    mixed = []
    for q, k, v in zip(*(torch.split(each, own, dim=2) for each, own in streams), strict=True):
        i, j = (torch.arange(each.size(2), device=each.device) for each in (q, k))
        distance = j - i[:, None]
        mask = torch.ones_like(distance, dtype=torch.bool)
        if window[0] >= 0:
            mask = mask & (distance >= -window[0])
        if window[1] >= 0:
            mask = mask & (distance <= window[1])
        one = F.scaled_dot_product_attention(q, k, v, mask)
        mixed.append(one)
    return torch.cat(mixed, 2)


def packed_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Packed,
    keys: Packed,
    window: tuple[int, int] = (-1, -1),
) -> Tensor:
    """Attention within each sentence: by FlashAttention's kernel on a GPU, plainly elsewhere.

    query [1, heads, place, width], key and value [1, heads, place, width] of the keys' places
    -> [1, heads, place, width]

    A query reads `window[0]` positions before it and `window[1]` after it, -1 of them without end.
    """
    if query.is_cuda:
        return varlen_attention(query, key, value, queries, keys, window=window)
    return attention_by_sentence(query, key, value, queries, keys, window=window)


def run(program: Callable[..., Tensor], layer: Any, *inputs: Any) -> Tensor:
    """Run the program of a layer, in the layer's own way if a trainer has given it one.

    That is a method `run` of the layer, which is given the program and its inputs: the layer may
    be recomputed in the backward pass, or its weights gathered before.
    """
    own = getattr(layer, "run", None)
    return own(program, *inputs) if own else program(layer, *inputs)
