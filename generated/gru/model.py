"""gru: the demo with GRUs in the place of self-attention (Cho et al. 2014).

Written by specformer from a spec. It needs the standard library and torch.
"""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY = 1200
D_MODEL = 128
HEADS = 4
D_K = 32
D_V = 32
D_FF = 512
ENCODER_LAYERS = 2
DECODER_LAYERS = 2
DROPOUT = 0.1
NORM_EPS = 1e-05
PADDING = 0


def linear(inputs: int, *outputs: int, bias: bool = True) -> nn.Linear:
    """A linear map to `outputs` side by side, each Xavier-uniform by itself; biases zero."""
    module = nn.Linear(inputs, sum(outputs), bias=bias)
    for part in torch.split(module.weight.detach(), list(outputs)):
        nn.init.xavier_uniform_(part)
    if bias:
        nn.init.zeros_(module.bias)
    return module


def embedding(rows: int) -> nn.Embedding:
    """A vector for each token, normal with deviation D_MODEL**-0.5; that of padding is zero."""
    module = nn.Embedding(rows, D_MODEL, padding_idx=PADDING)
    nn.init.normal_(module.weight, std=D_MODEL**-0.5)
    nn.init.zeros_(module.weight.detach()[PADDING])
    return module


def real_tokens(tokens: Tensor) -> Tensor:
    """tokens [batch, position] -> mask [batch, 1, 1, position], false at padding"""
    return (tokens != PADDING).unsqueeze(1).unsqueeze(1)


def gru(width: int, bidirectional: bool = False) -> nn.GRU:
    """A GRU along a stream; its matrices are Xavier-uniform, gate by gate, biases zero."""
    module = nn.GRU(D_MODEL, width, batch_first=True, bidirectional=bidirectional)
    for name, parameter in module.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        for gate in parameter.detach().chunk(3):
            nn.init.xavier_uniform_(gate)
    return module


def both_directions(layer: nn.GRU, x: Tensor, real: Tensor) -> Tensor:
    """x [batch, position, D_MODEL], real [batch, 1, 1, position]

    -> [batch, position, 2 * width]: from the beginning and from the end of each text, side by side.
    Padding is skipped, and gets zeros.
    """
    lengths = real.flatten(1).sum(1).clamp(min=1).cpu()
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    hidden, _ = layer(packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(hidden, batch_first=True, total_length=x.size(1))
    return padded


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zeroes numbers of x with probability `rate` and scales up the others (section 5.4).

    On a CPU random numbers are most of what dropout costs, so there each, of 64 bits, decides eight
    times; `rate` is rounded to a multiple of 1/256, but not to 0 or 1.
    """
    if rate == 0 or not training or x.device.type != "cpu":
        return F.dropout(x, rate, training)
    zeroed = min(max(round(rate * 256), 1), 255)
    draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= zeroed
    return x * (kept * (256 / (256 - zeroed))).type_as(x)


def split_heads(x: Tensor, heads: int, *widths: int) -> list[Tensor]:
    """x [batch, position, heads * sum(widths)] -> [batch, heads, position, width] for each width"""
    parts = torch.split(x, [heads * width for width in widths], dim=-1)
    return [part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in parts]


def merge_heads(x: Tensor) -> Tensor:
    """x [batch, heads, position, width] -> [batch, position, heads * width]"""
    return x.transpose(1, 2).flatten(2)


def of_parents(known: Tensor, parent: Tensor) -> Tensor:
    """For each new hypothesis what was known of the one that it continues:

    known [batch, old beam, ...], parent [batch, beam] -> [batch, beam, ...]
    """
    sentence = torch.arange(parent.size(0), device=parent.device).unsqueeze(1)
    return known[sentence, parent]


class GRUState:
    """The hidden state [batch, beam, width] of each hypothesis; a step replaces it."""

    def __init__(self) -> None:
        self.hidden: Tensor | None = None

    def advance(self, layer: nn.GRU, x: Tensor, parent: Tensor) -> Tensor:
        """Reads the newest position, x [batch, beam, D_MODEL], after what `parent` [batch, beam]

        had read -> hidden [batch, beam, width]
        """
        before = None
        if self.hidden is not None:
            before = of_parents(self.hidden, parent).flatten(0, 1).unsqueeze(0)
        hidden, _ = layer(x.flatten(0, 1).unsqueeze(1), before)
        self.hidden = hidden.view(*parent.shape, -1)
        return self.hidden

    def fill(self, layer: nn.GRU, x: Tensor) -> Tensor:
        """Reads the first positions, x [batch, position, D_MODEL] -> hidden of all of them"""
        hidden, last = layer(x)
        self.hidden = last.transpose(0, 1)
        return hidden

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        if self.hidden is not None:
            self.hidden = self.hidden[sentences]


class EncoderRecurrence(nn.Module):
    """Two GRUs of `d_hidden` along the stream, from its beginning and from its end (Cho et al.
    2014).
    """

    def __init__(self, d_hidden: int) -> None:
        super().__init__()
        self.recurrence = gru(d_hidden, bidirectional=True)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, 2 * d_hidden]
        """
        return both_directions(self.recurrence, x, source_mask)


class DecoderRecurrence(nn.Module):
    """A GRU of `d_hidden` along the stream (Cho et al. 2014)."""

    def __init__(self, d_hidden: int) -> None:
        super().__init__()
        self.recurrence = gru(d_hidden)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, target, D_MODEL] -> [batch, target, d_hidden]"""
        hidden, _ = self.recurrence(x)
        return hidden

    def start(self) -> GRUState:
        """Empty as yet."""
        return GRUState()

    def step(self, x: Tensor, state: GRUState, parent: Tensor) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], parent [batch, beam] -> [batch, beam, d_hidden]
        """
        return state.advance(self.recurrence, x, parent)

    def prefill(self, x: Tensor, state: GRUState) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL] -> [batch, target, d_hidden]
        """
        return state.fill(self.recurrence, x)


@dataclass
class CrossAttentionState:
    """What is kept from one step to the next, for the sentences of a batch."""

    key: Tensor
    value: Tensor

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.key = self.key[sentences]
        self.value = self.value[sentences]


class CrossAttention(nn.Module):
    """Attention to the encoder's output, HEADS heads of D_K (section 3.2.3)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = linear(D_MODEL, HEADS * D_K, bias=False)
        self.key_value = linear(D_MODEL, HEADS * D_K, HEADS * D_V, bias=False)
        self.output = linear(HEADS * D_V, D_MODEL, bias=False)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        (query,) = split_heads(self.query(x), HEADS, D_K)
        key, value = split_heads(self.key_value(memory), HEADS, D_K, D_V)
        mixed = F.scaled_dot_product_attention(query, key, value, source_mask)
        return self.output(merge_heads(mixed))

    def start(self, memory: Tensor) -> CrossAttentionState:
        """What is the same at every step, computed once."""
        key, value = split_heads(self.key_value(memory), HEADS, D_K, D_V)
        return CrossAttentionState(key, value)

    def step(self, x: Tensor, source_mask: Tensor, state: CrossAttentionState) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, beam, D_MODEL]
        """
        (query,) = split_heads(self.query(x), HEADS, D_K)
        mixed = F.scaled_dot_product_attention(query, state.key, state.value, source_mask)
        return self.output(merge_heads(mixed))

    def prefill(self, x: Tensor, source_mask: Tensor, state: CrossAttentionState) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        (query,) = split_heads(self.query(x), HEADS, D_K)
        mixed = F.scaled_dot_product_attention(query, state.key, state.value, source_mask)
        return self.output(merge_heads(mixed))


class FeedForward(nn.Module):
    """Two linear maps with a ReLU between them, position by position (section 3.3)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = linear(D_MODEL, D_FF)
        self.output = linear(D_FF, D_MODEL)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, position, D_MODEL] -> [batch, position, D_MODEL]"""
        hidden = F.relu(self.hidden(x))
        return self.output(hidden)


class EncoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (section 3.1)."""

    def __init__(self, d_hidden: int) -> None:
        super().__init__()
        self.recurrence = EncoderRecurrence(d_hidden=d_hidden)
        self.recurrence_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        y = self.recurrence(self.recurrence_norm(x), source_mask)
        x = x + dropout(y, DROPOUT, self.training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + dropout(y, DROPOUT, self.training)


@dataclass
class DecoderLayerState:
    """What is kept from one step to the next, for the sentences of a batch."""

    recurrence: GRUState
    cross_attention: CrossAttentionState

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.recurrence.keep(sentences)
        self.cross_attention.keep(sentences)


class DecoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (section 3.1)."""

    def __init__(self, d_hidden: int) -> None:
        super().__init__()
        self.recurrence = DecoderRecurrence(d_hidden=d_hidden)
        self.recurrence_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.cross_attention = CrossAttention()
        self.cross_attention_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.recurrence(self.recurrence_norm(x))
        x = x + dropout(y, DROPOUT, self.training)
        y = self.cross_attention(self.cross_attention_norm(x), memory, source_mask)
        x = x + dropout(y, DROPOUT, self.training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + dropout(y, DROPOUT, self.training)

    def start(self, memory: Tensor) -> DecoderLayerState:
        """What is the same at every step, computed once."""
        return DecoderLayerState(self.recurrence.start(), self.cross_attention.start(memory))

    def step(
        self, x: Tensor, source_mask: Tensor, state: DecoderLayerState, parent: Tensor
    ) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        y = self.recurrence.step(self.recurrence_norm(x), state.recurrence, parent)
        x = x + y
        y = self.cross_attention.step(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        x = x + y
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + y

    def prefill(self, x: Tensor, source_mask: Tensor, state: DecoderLayerState) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.recurrence.prefill(self.recurrence_norm(x), state.recurrence)
        x = x + y
        y = self.cross_attention.prefill(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        x = x + y
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + y


class Encoder(nn.Module):
    """ENCODER_LAYERS layers and a norm after the last (section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(d_hidden=64) for _ in range(ENCODER_LAYERS))
        self.norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        for layer in self.layers:
            x = layer(x, source_mask)
        return self.norm(x)


class Decoder(nn.Module):
    """DECODER_LAYERS layers and a norm after the last (section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        layers = [DecoderLayer(d_hidden=128) for _ in range(DECODER_LAYERS)]
        self.layers = cast(list[DecoderLayer], nn.ModuleList(layers))
        self.norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        for layer in self.layers:
            x = layer(x, memory, source_mask)
        return self.norm(x)

    def start(self, memory: Tensor) -> list[DecoderLayerState]:
        """What is the same at every step, computed once."""
        return [layer.start(memory) for layer in self.layers]

    def step(
        self, x: Tensor, source_mask: Tensor, states: list[DecoderLayerState], parent: Tensor
    ) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.step(x, source_mask, state, parent)
        return self.norm(x)

    def prefill(self, x: Tensor, source_mask: Tensor, states: list[DecoderLayerState]) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.prefill(x, source_mask, state)
        return self.norm(x)


@dataclass
class TransformerState:
    """What is kept from one step to the next, for the sentences of a batch."""

    source_mask: Tensor
    decoder: list[DecoderLayerState]

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.source_mask = self.source_mask[sentences]
        for state in self.decoder:
            state.keep(sentences)


class Transformer(nn.Module):
    """Encoder and decoder; one table embeds source and target and projects to tokens (sections
    3.1 and 3.4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = embedding(VOCABULARY)
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, VOCABULARY]"""
        return self.project(self.features(source, target))

    def encode(self, source: Tensor) -> Tensor:
        """source [batch, source] -> [batch, source, D_MODEL]"""
        x = self.embedding(source) * math.sqrt(D_MODEL)
        x = dropout(x, DROPOUT, self.training)
        return self.encoder(x, real_tokens(source))

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, D_MODEL]"""
        memory = self.encode(source)
        source_mask = real_tokens(source)
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = dropout(x, DROPOUT, self.training)
        return self.decoder(x, memory, source_mask)

    def project(self, features: Tensor) -> Tensor:
        """features [..., D_MODEL] -> [..., VOCABULARY]"""
        return F.linear(features, self.embedding.weight)

    def start(self, source: Tensor) -> TransformerState:
        """What is the same at every step, computed once."""
        memory = self.encode(source)
        source_mask = real_tokens(source)
        return TransformerState(source_mask, self.decoder.start(memory))

    def step(self, token: Tensor, parent: Tensor, state: TransformerState) -> Tensor:
        """The newest token of each hypothesis, and the hypothesis of the step before that it
        continues; the first step continues the empty one, 0.

        token [batch, beam], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        x = self.embedding(token) * math.sqrt(D_MODEL)
        return self.decoder.step(x, state.source_mask, state.decoder, parent)

    def prefill(self, target: Tensor, state: TransformerState) -> Tensor:
        """The first tokens of each sentence at once, without padding, into a new state: gives what
        as many steps would.

        target [batch, target] -> [batch, target, D_MODEL]
        """
        x = self.embedding(target) * math.sqrt(D_MODEL)
        return self.decoder.prefill(x, state.source_mask, state.decoder)
