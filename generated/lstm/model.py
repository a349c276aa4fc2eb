"""lstm: the demo with LSTMs in the place of self-attention (after Wu et al. 2016).

Written by specformer from a spec. It needs the standard library and torch.
"""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY = 1200
D_MODEL = 128
ENCODER_LAYERS = 2
NORM_EPS = 1e-05
D_HIDDEN = 128
DECODER_LAYERS = 2
HEADS = 4
D_K = 32
D_V = 32
DROPOUT = 0.1
PADDING = 0


def embedding(rows: int, width: int) -> nn.Embedding:
    """Build an embedding, normal with std width^-0.5; the vector of padding is zero."""
    module = nn.Embedding(rows, width, padding_idx=PADDING)
    nn.init.normal_(module.weight, std=width**-0.5)
    nn.init.zeros_(module.weight.detach()[PADDING])
    return module


def lstm(d_model: int, d_hidden: int, bidirectional: bool = False) -> nn.LSTM:
    """Build an LSTM; its weight matrices are Xavier-uniform, gate by gate, biases zero."""
    module = nn.LSTM(d_model, d_hidden, batch_first=True, bidirectional=bidirectional)
    for name, parameter in module.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            continue
        for gate in parameter.detach().chunk(4):
            nn.init.xavier_uniform_(gate)
    return module


def linear(inputs: int, *outputs: int, bias: bool = True) -> nn.Linear:
    """Build a linear layer of joined outputs, each Xavier-uniform by itself; biases are zero."""
    module = nn.Linear(inputs, sum(outputs), bias=bias)
    for part in torch.split(module.weight.detach(), list(outputs)):
        nn.init.xavier_uniform_(part)
    if bias:
        nn.init.zeros_(module.bias)
    return module


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


def run_recurrence(layer: nn.RNNBase, x: Any, state: Any = None) -> tuple[Any, Any]:
    """Run a recurrence in the dtype of its weights: x [batch, position, inputs], or packed.

    On a GPU autocast would run it in float16, in which small gradients vanish.
    -> hidden [batch, position, width] and the last state
    """
    weight = next(layer.parameters())
    with torch.autocast(weight.device.type, enabled=False):
        return layer(x.to(weight.dtype), state)


def run_bidirectional(layer: nn.RNNBase, x: Tensor, real: Tensor) -> Tensor:
    """Run a recurrence from the beginning and one from the end of each text.

    x [batch, position, inputs], real [batch, 1, 1, position] -> [batch, position, 2 * width], the
    two side by side. Padding is skipped, and gets zeros.
    """
    lengths = real.flatten(1).sum(1).clamp(min=1).cpu()
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    hidden, _ = run_recurrence(layer, packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(hidden, batch_first=True, total_length=x.size(1))
    return padded


def split_heads(x: Tensor, heads: int, *widths: int) -> list[Tensor]:
    """x [batch, position, heads * sum(widths)] -> [batch, heads, position, width] for each width"""
    parts = torch.split(x, [heads * width for width in widths], dim=-1)
    return [part.view(*part.shape[:2], heads, -1).transpose(1, 2) for part in parts]


def merge_heads(x: Tensor) -> Tensor:
    """x [batch, heads, position, width] -> [batch, position, heads * width]"""
    return x.transpose(1, 2).flatten(2)


class State:
    """The decoding state of a module: tensors [batch, ...] and the states of its submodules.

    Tensors of fewer than two dimensions are positions and numbers of slots, which all texts share.
    """

    def keep(self, rows: Tensor) -> None:
        """Keep only these rows of the batch [rows]; finished texts are dropped."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and value.dim() > 1:
                setattr(self, name, value[rows])
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, State):
                    each.keep(rows)

    def fix(self, room: int, newest: Tensor) -> None:
        """Give all buffers `room` slots, so that no later step changes a shape.

        `newest` [beam] are the numbers of the newest slots; each step moves them on in place.
        """
        for value in vars(self).values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, State):
                    each.fix(room, newest)


def gather_beams(known: Tensor, parent: Tensor) -> Tensor:
    """Select for each new hypothesis the values of the hypothesis that it extends.

    known [batch, old beam, ...], parent [batch, beam] -> [batch, beam, ...]
    """
    sentence = torch.arange(parent.size(0), device=parent.device)[:, None]
    return known[sentence, parent]


class LSTMState(State):
    """Hidden and cell states [batch, beam, width] of each hypothesis; a step replaces them."""

    def __init__(self) -> None:
        self.known: tuple[Tensor, ...] = ()

    def advance(self, layer: nn.LSTM, x: Tensor, parent: Tensor) -> Tensor:
        """Read the newest position of each hypothesis, which continues `parent` [batch, beam].

        x [batch, beam, inputs] -> hidden [batch, beam, width]
        """
        before = [gather_beams(each, parent).flatten(0, 1)[None] for each in self.known]
        _, known = run_recurrence(layer, x.flatten(0, 1)[:, None], tuple(before) or None)
        self.known = tuple(each.view(*parent.shape, -1) for each in known)
        return self.known[0]

    def fill(self, layer: nn.LSTM, x: Tensor) -> Tensor:
        """Read the first positions: x [batch, position, inputs] -> [batch, position, width]"""
        hidden, known = run_recurrence(layer, x)
        self.known = tuple(each.transpose(0, 1) for each in known)
        return hidden

    def keep(self, rows: Tensor) -> None:
        self.known = tuple(each[rows] for each in self.known)


class Layers(nn.ModuleList):
    """A list of layers whose methods a type checker need not know."""

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()


class EncoderRecurrence(nn.Module):
    """Two LSTMs of D_HIDDEN along the stream, from its beginning and from its end (Hochreiter
    and Schmidhuber 1997).
    """

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = lstm(D_MODEL, D_HIDDEN, bidirectional=True)
        self.output = linear(2 * D_HIDDEN, D_MODEL)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        hidden = run_bidirectional(self.recurrence, x, source_mask)
        return self.output(hidden)


class EncoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, Xiong et
    al. 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = EncoderRecurrence()
        self.recurrence_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        y = self.recurrence(self.recurrence_norm(x), source_mask)
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


class DecoderRecurrence(nn.Module):
    """An LSTM of D_HIDDEN along the stream (Hochreiter and Schmidhuber 1997)."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = lstm(D_MODEL, D_HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, target, D_MODEL] -> [batch, target, D_HIDDEN]"""
        hidden, _ = run_recurrence(self.recurrence, x)
        return hidden

    def start(self) -> LSTMState:
        """Make an empty state."""
        return LSTMState()

    def step(self, x: Tensor, state: LSTMState, parent: Tensor) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], parent [batch, beam] -> [batch, beam, D_HIDDEN]
        """
        return state.advance(self.recurrence, x, parent)

    def prefill(self, x: Tensor, state: LSTMState) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL] -> [batch, target, D_HIDDEN]
        """
        return state.fill(self.recurrence, x)


@dataclass
class CrossAttentionState(State):
    key: Tensor
    value: Tensor


class CrossAttention(nn.Module):
    """Attention to the encoder's output (Vaswani et al. 2017, section 3.2), HEADS heads of D_K."""

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
        """Make the decoding state and compute what is the same for all steps."""
        key, value = split_heads(self.key_value(memory), HEADS, D_K, D_V)
        return CrossAttentionState(key, value)

    def step(self, x: Tensor, source_mask: Tensor, state: CrossAttentionState) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, beam, D_MODEL]
        """
        (query,) = split_heads(self.query(x), HEADS, D_K)
        mixed = F.scaled_dot_product_attention(query, state.key, state.value, source_mask)
        return self.output(merge_heads(mixed))

    def prefill(self, x: Tensor, source_mask: Tensor, state: CrossAttentionState) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        (query,) = split_heads(self.query(x), HEADS, D_K)
        mixed = F.scaled_dot_product_attention(query, state.key, state.value, source_mask)
        return self.output(merge_heads(mixed))


@dataclass
class DecoderLayerState(State):
    recurrence: LSTMState
    cross_attention: CrossAttentionState


class DecoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, Xiong et
    al. 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = DecoderRecurrence()
        self.recurrence_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.cross_attention = CrossAttention()
        self.cross_attention_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.recurrence(self.recurrence_norm(x))
        x = x + dropout(y, DROPOUT, self.training)
        y = self.cross_attention(self.cross_attention_norm(x), memory, source_mask)
        return x + dropout(y, DROPOUT, self.training)

    def start(self, memory: Tensor) -> DecoderLayerState:
        """Make the decoding state and compute what is the same for all steps."""
        return DecoderLayerState(self.recurrence.start(), self.cross_attention.start(memory))

    def step(
        self, x: Tensor, source_mask: Tensor, state: DecoderLayerState, parent: Tensor
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        x = x + self.recurrence.step(self.recurrence_norm(x), state.recurrence, parent)
        return x + self.cross_attention.step(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )

    def prefill(self, x: Tensor, source_mask: Tensor, state: DecoderLayerState) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        x = x + self.recurrence.prefill(self.recurrence_norm(x), state.recurrence)
        return x + self.cross_attention.prefill(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )


class Decoder(nn.Module):
    """DECODER_LAYERS layers and a norm after the last."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers(DecoderLayer() for _ in range(DECODER_LAYERS))
        self.norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        for layer in self.layers:
            x = layer(x, memory, source_mask)
        return self.norm(x)

    def start(self, memory: Tensor) -> list[DecoderLayerState]:
        """Make the decoding state and compute what is the same for all steps."""
        return [layer.start(memory) for layer in self.layers]

    def step(
        self, x: Tensor, source_mask: Tensor, states: list[DecoderLayerState], parent: Tensor
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.step(x, source_mask, state, parent)
        return self.norm(x)

    def prefill(self, x: Tensor, source_mask: Tensor, states: list[DecoderLayerState]) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.prefill(x, source_mask, state)
        return self.norm(x)


@dataclass
class TransformerState(State):
    source_mask: Tensor
    decoder: list[DecoderLayerState]


class Transformer(nn.Module):
    """Encoder and decoder; one table embeds source and target and projects to tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = embedding(VOCABULARY, D_MODEL)
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
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = dropout(x, DROPOUT, self.training)
        source_mask = real_tokens(source)
        return self.decoder(x, memory, source_mask)

    def project(self, features: Tensor) -> Tensor:
        """features [..., D_MODEL] -> [..., VOCABULARY]"""
        return F.linear(features, self.embedding.weight)

    def start(self, source: Tensor) -> TransformerState:
        """Make the decoding state and compute what is the same for all steps."""
        memory = self.encode(source)
        source_mask = real_tokens(source)
        return TransformerState(source_mask, self.decoder.start(memory))

    def step(self, token: Tensor, parent: Tensor, state: TransformerState) -> Tensor:
        """Compute the features of the newest token of each hypothesis. `parent` is the index of the
        hypothesis of the previous step that it extends: 0, the empty one, in the first step.

        token [batch, beam], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        x = self.embedding(token) * math.sqrt(D_MODEL)
        return self.decoder.step(x, state.source_mask, state.decoder, parent)

    def prefill(self, target: Tensor, state: TransformerState) -> Tensor:
        """Read the first tokens of each text, without padding, into a new state at once. The result
        is the same as from one `step` for each token.

        target [batch, target] -> [batch, target, D_MODEL]
        """
        x = self.embedding(target) * math.sqrt(D_MODEL)
        return self.decoder.prefill(x, state.source_mask, state.decoder)
