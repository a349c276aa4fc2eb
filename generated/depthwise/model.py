"""depthwise: the demo with depth-wise convolutions in the place of self-attention (Kaiser et al.
2018).

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
CONVOLUTION_WIDTH = 7
D_FF = 512
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


def depthwise_convolution(inputs: int, width: int) -> nn.Conv1d:
    """A convolution of each of `inputs` numbers by itself, each Xavier-uniform; without biases."""
    module = nn.Conv1d(inputs, inputs, width, groups=inputs, bias=False)
    bound = math.sqrt(3 / width)
    nn.init.uniform_(module.weight, -bound, bound)
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


def centred_convolution(layer: nn.Conv1d, x: Tensor, real: Tensor) -> Tensor:
    """x [batch, position, inputs], real [batch, 1, 1, position] -> [batch, position, outputs]

    Padding counts as zero, as what is beyond both ends does.
    """
    side = layer.kernel_size[0] // 2
    inputs = x.transpose(1, 2).masked_fill(~real.squeeze(1), 0.0)
    return layer(F.pad(inputs, (side, side))).transpose(1, 2)


def causal_convolution(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """x [batch, position, inputs] -> [batch, position, outputs]: none reads a later position."""
    (width,) = layer.kernel_size
    return layer(F.pad(x.transpose(1, 2), (width - 1, 0))).transpose(1, 2)


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


class BeamAncestry(State):
    """The cache slots that belong to each hypothesis: those of its own tokens and no others.

    `mask` is [batch, beam, slots], its end false, so that the number of slots is a multiple of 16;
    a step uses a slot for each hypothesis. Where hypotheses are reordered or dropped no cache is
    copied: only this mask changes.
    """

    position: int | Tensor
    slots: Tensor | None = None

    def __init__(self, batch: int, device: torch.device) -> None:
        self.position, self.used = -1, 0
        self.mask = torch.ones(batch, 1, 0, dtype=torch.bool, device=device)

    def fill(self, length: int) -> None:
        """Start with one hypothesis of `length` positions for each text."""
        self.mask = self.mask.new_ones(self.mask.size(0), 1, length)
        self.position, self.used = length - 1, length

    def extend(self, parent: Tensor) -> None:
        """Add a position: each new hypothesis extends its `parent` [batch, beam]."""
        batch, beam = parent.shape
        old = self.mask.gather(1, parent[:, :, None].expand(-1, -1, self.mask.size(2)))
        own = torch.eye(beam, dtype=torch.bool, device=parent.device).expand(batch, -1, -1)
        self.position = self.position + 1
        if self.slots is not None:
            self.slots += beam  # in place, since the caches read it as well
            self.mask = old.index_copy(2, self.slots, own)
            return
        first, self.used = self.used, self.used + beam
        blank = own.new_zeros(1).expand(batch, beam, -self.used % 16)
        self.mask = torch.cat((old[:, :, :first], own, blank), dim=2)

    def fix(self, room: int, newest: Tensor) -> None:
        more = room + -room % 16 - self.mask.size(2)
        self.mask = F.pad(self.mask, (0, more)).expand(-1, newest.size(0), -1).clone()
        self.position, self.slots = newest.new_zeros(()) + self.position, newest


def gather_beams(known: Tensor, parent: Tensor) -> Tensor:
    """Select for each new hypothesis the values of the hypothesis that it extends.

    known [batch, old beam, ...], parent [batch, beam] -> [batch, beam, ...]
    """
    sentence = torch.arange(parent.size(0), device=parent.device)[:, None]
    return known[sentence, parent]


class LastInputs(State):
    """The inputs of a convolution that the next step needs; a step replaces the oldest."""

    def __init__(self) -> None:
        self.inputs: Tensor | None = None

    def advance(self, layer: nn.Conv1d, x: Tensor, parent: Tensor) -> Tensor:
        """Read the newest position of each hypothesis, which continues `parent` [batch, beam].

        x [batch, beam, inputs] -> [batch, beam, outputs]
        """
        newest = x[..., None]
        if self.inputs is None:
            inputs = F.pad(newest, (layer.kernel_size[0] - 1, 0))
        else:
            inputs = torch.cat((gather_beams(self.inputs, parent), newest), dim=3)
        self.inputs = inputs[..., 1:]
        return layer(inputs.flatten(0, 1)).view(*parent.shape, -1)

    def fill(self, layer: nn.Conv1d, x: Tensor) -> Tensor:
        """Read the first positions: x [batch, position, inputs] -> [batch, position, outputs]"""
        inputs = F.pad(x.transpose(1, 2), (layer.kernel_size[0] - 1, 0))
        self.inputs = inputs[:, None, :, x.size(1) :]
        return layer(inputs).transpose(1, 2)


class Layers(nn.ModuleList):
    """A list of layers whose methods a type checker need not know."""

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()


class EncoderConvolution(nn.Module):
    """A convolution of each number by itself, and a linear map: a position reads
    CONVOLUTION_WIDTH, its own in their middle (Kaiser et al. 2018).
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = depthwise_convolution(D_MODEL, CONVOLUTION_WIDTH)
        self.output = linear(D_MODEL, D_MODEL)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        return self.output(centred_convolution(self.convolution, x, source_mask))


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
        self.convolution = EncoderConvolution()
        self.convolution_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        y = self.convolution(self.convolution_norm(x), source_mask)
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


class DecoderConvolution(nn.Module):
    """A convolution of each number by itself, and a linear map: a position reads
    CONVOLUTION_WIDTH, the last of them its own (Kaiser et al. 2018).
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = depthwise_convolution(D_MODEL, CONVOLUTION_WIDTH)
        self.output = linear(D_MODEL, D_MODEL)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, target, D_MODEL] -> [batch, target, D_MODEL]"""
        return self.output(causal_convolution(self.convolution, x))

    def start(self) -> LastInputs:
        """Make an empty state."""
        return LastInputs()

    def step(self, x: Tensor, state: LastInputs, parent: Tensor) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        return self.output(state.advance(self.convolution, x, parent))

    def prefill(self, x: Tensor, state: LastInputs) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL] -> [batch, target, D_MODEL]
        """
        return self.output(state.fill(self.convolution, x))


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
    convolution: LastInputs
    cross_attention: CrossAttentionState


class DecoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, Xiong et
    al. 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = DecoderConvolution()
        self.convolution_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.cross_attention = CrossAttention()
        self.cross_attention_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.convolution(self.convolution_norm(x))
        x = x + dropout(y, DROPOUT, self.training)
        y = self.cross_attention(self.cross_attention_norm(x), memory, source_mask)
        x = x + dropout(y, DROPOUT, self.training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + dropout(y, DROPOUT, self.training)

    def start(self, memory: Tensor) -> DecoderLayerState:
        """Make the decoding state and compute what is the same for all steps."""
        return DecoderLayerState(self.convolution.start(), self.cross_attention.start(memory))

    def step(
        self, x: Tensor, source_mask: Tensor, state: DecoderLayerState, parent: Tensor
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        x = x + self.convolution.step(self.convolution_norm(x), state.convolution, parent)
        x = x + self.cross_attention.step(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        return x + self.feed_forward(self.feed_forward_norm(x))

    def prefill(self, x: Tensor, source_mask: Tensor, state: DecoderLayerState) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        x = x + self.convolution.prefill(self.convolution_norm(x), state.convolution)
        x = x + self.cross_attention.prefill(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        return x + self.feed_forward(self.feed_forward_norm(x))


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
    ancestry: BeamAncestry


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
        x = x + sinusoidal_positions(0, source.size(1), D_MODEL, self.embedding.weight)
        x = dropout(x, DROPOUT, self.training)
        return self.encoder(x, real_tokens(source))

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, D_MODEL]"""
        memory = self.encode(source)
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = x + sinusoidal_positions(0, target.size(1), D_MODEL, self.embedding.weight)
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
        return TransformerState(
            source_mask, self.decoder.start(memory), BeamAncestry(source.size(0), source.device)
        )

    def step(self, token: Tensor, parent: Tensor, state: TransformerState) -> Tensor:
        """Compute the features of the newest token of each hypothesis. `parent` is the index of the
        hypothesis of the previous step that it extends: 0, the empty one, in the first step.

        token [batch, beam], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        state.ancestry.extend(parent)
        x = self.embedding(token) * math.sqrt(D_MODEL)
        x = x + sinusoidal_positions(state.ancestry.position, 1, D_MODEL, self.embedding.weight)
        return self.decoder.step(x, state.source_mask, state.decoder, parent)

    def prefill(self, target: Tensor, state: TransformerState) -> Tensor:
        """Read the first tokens of each text, without padding, into a new state at once. The result
        is the same as from one `step` for each token.

        target [batch, target] -> [batch, target, D_MODEL]
        """
        state.ancestry.fill(target.size(1))
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = x + sinusoidal_positions(0, target.size(1), D_MODEL, self.embedding.weight)
        return self.decoder.prefill(x, state.source_mask, state.decoder)
