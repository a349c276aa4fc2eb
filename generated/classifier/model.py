"""classifier: a small encoder-only Transformer that tells what is hard to translate in a sentence.

Written by specformer from a spec. It needs the standard library and torch.
"""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY = 600
D_MODEL = 128
CLASSES = 8
ENCODER_LAYERS = 2
NORM_EPS = 1e-05
HEADS = 4
D_K = 32
D_V = 32
D_FF = 512
DROPOUT = 0.1
PADDING = 0


def embedding(rows: int, width: int) -> nn.Embedding:
    """Build an embedding, normal with std width^-0.5; the vector of padding is zero."""
    module = nn.Embedding(rows, width, padding_idx=PADDING)
    nn.init.normal_(module.weight, std=width**-0.5)
    nn.init.zeros_(module.weight.detach()[PADDING])
    return module


def linear(inputs: int, *outputs: int, bias: bool = True) -> nn.Linear:
    """Build a linear layer of joined outputs, each Xavier-uniform by itself; biases are zero."""
    module = nn.Linear(inputs, sum(outputs), bias=bias)
    for part in torch.split(module.weight.detach(), list(outputs)):
        nn.init.xavier_uniform_(part)
    if bias:
        nn.init.zeros_(module.bias)
    return module


def sinusoidal_positions(first: int | Tensor, count: int, d_model: int, like: Tensor) -> Tensor:
    """Sines and cosines of positions first, first + 1, ... (Vaswani et al. 2017, section 3.5).

    -> [count, d_model], of the type of `like`
    """
    position = first + torch.arange(count, device=like.device)[:, None]
    frequency = 10000.0 ** (-torch.arange(0, d_model, 2, device=like.device) / d_model)
    angle = position * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).type_as(like)


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zero elements of x with probability `rate`, scale up the others (Srivastava et al. 2014).

    On a CPU most of the time of dropout goes into random numbers. One of 64 bits therefore serves
    eight elements there, a byte for each, so `rate` is rounded to a multiple of 1/256, from 1/256
    to 255/256.
    """
    if rate == 0 or not training or x.device.type != "cpu":
        return F.dropout(x, rate, training)
    zeroed = min(max(round(rate * 256), 1), 255)
    draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= zeroed
    return x * (kept * (256 / (256 - zeroed))).type_as(x)


def real_tokens(tokens: Tensor) -> Tensor:
    """tokens [batch, position] -> mask [batch, 1, 1, position], false at padding"""
    return (tokens != PADDING)[:, None, None]


def split_heads(x: Tensor, heads: int, *widths: int) -> list[Tensor]:
    """x [batch, position, heads * sum(widths)] -> [batch, heads, position, width] for each width"""
    parts = torch.split(x, [heads * width for width in widths], dim=-1)
    return [part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in parts]


def merge_heads(x: Tensor) -> Tensor:
    """x [batch, heads, position, width] -> [batch, position, heads * width]"""
    return x.transpose(1, 2).flatten(2)


class EncoderSelfAttention(nn.Module):
    """Self-attention (Vaswani et al. 2017, section 3.2), HEADS heads of D_K; every position
    attends to all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.query_key_value = linear(D_MODEL, HEADS * D_K, HEADS * D_K, HEADS * D_V, bias=False)
        self.output = linear(HEADS * D_V, D_MODEL, bias=False)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        query, key, value = split_heads(self.query_key_value(x), HEADS, D_K, D_K, D_V)
        mixed = F.scaled_dot_product_attention(query, key, value, source_mask)
        return self.output(merge_heads(mixed))


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between them, position by position (Vaswani et al. 2017,
    section 3.3).
    """

    def __init__(self) -> None:
        super().__init__()
        self.hidden = linear(D_MODEL, D_FF)
        self.output = linear(D_FF, D_MODEL)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, position, D_MODEL] -> [batch, position, D_MODEL]"""
        hidden = F.relu(self.hidden(x))
        return self.output(hidden)


class EncoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, Xiong et
    al. 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        self.self_attention = EncoderSelfAttention()
        self.self_attention_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        y = self.self_attention(self.self_attention_norm(x), source_mask)
        x = x + dropout(y, DROPOUT, self.training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + dropout(y, DROPOUT, self.training)


class Encoder(nn.Module):
    """ENCODER_LAYERS layers and a norm after the last."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer() for _ in range(ENCODER_LAYERS))
        self.norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        for layer in self.layers:
            x = layer(x, source_mask)
        return self.norm(x)


class Transformer(nn.Module):
    """Encoder and a projection to classes."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = embedding(VOCABULARY, D_MODEL)
        self.encoder = Encoder()
        self.pooler = linear(D_MODEL, D_MODEL)
        self.classifier = linear(D_MODEL, CLASSES)

    def forward(self, source: Tensor) -> Tensor:
        """source [batch, source] -> [batch, CLASSES]"""
        return self.project(self.features(source))

    def encode(self, source: Tensor) -> Tensor:
        """source [batch, source] -> [batch, source, D_MODEL]"""
        x = self.embedding(source) * math.sqrt(D_MODEL)
        x = x + sinusoidal_positions(0, source.size(1), D_MODEL, self.embedding.weight)
        x = dropout(x, DROPOUT, self.training)
        return self.encoder(x, real_tokens(source))

    def features(self, source: Tensor) -> Tensor:
        """source [batch, source] -> [batch, D_MODEL]"""
        x = self.encode(source)
        return torch.tanh(self.pooler(x[:, 0]))

    def project(self, features: Tensor) -> Tensor:
        """features [..., D_MODEL] -> [..., CLASSES]"""
        return self.classifier(features)
