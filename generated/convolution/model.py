"""convolution: the demo with gated convolutions in the place of self-attention (after Gehring et
al. 2017).

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
CONVOLUTION_WIDTH = 3
ENCODER_LAYERS = 4
DECODER_LAYERS = 4
MAX_LENGTH = 192
DROPOUT = 0.1
NORM_EPS = 1e-05
PADDING = 0


def linear(inputs: int, *outputs: int, bias: bool) -> nn.Linear:
    """A linear map to `outputs` side by side, each Xavier-uniform by itself."""
    module = nn.Linear(inputs, sum(outputs), bias=bias)
    for part in torch.split(module.weight.detach(), list(outputs)):
        nn.init.xavier_uniform_(part)
    return module


def embedding(rows: int) -> nn.Embedding:
    """A vector for each token, normal with deviation D_MODEL**-0.5; that of padding is zero."""
    module = nn.Embedding(rows, D_MODEL, padding_idx=PADDING)
    nn.init.normal_(module.weight, std=D_MODEL**-0.5)
    nn.init.zeros_(module.weight.detach()[PADDING])
    return module


def position_embedding(rows: int) -> nn.Embedding:
    """A vector for each position, normal with deviation D_MODEL**-0.5."""
    module = nn.Embedding(rows, D_MODEL)
    nn.init.normal_(module.weight, std=D_MODEL**-0.5)
    return module


def learned_positions(table: nn.Embedding, first: int, count: int) -> Tensor:
    """The vectors of positions first, first + 1, ... -> [count, D_MODEL]

    Raises ValueError where the table ends before the last of them.
    """
    if first + count > table.num_embeddings:
        expected, got = f"positions below {table.num_embeddings}", first + count - 1
        raise ValueError(f"expected {expected}, as many as the table has, got position {got}")
    return table(torch.arange(first, first + count, device=table.weight.device))


def real_tokens(tokens: Tensor) -> Tensor:
    """tokens [batch, position] -> mask [batch, 1, 1, position], false at padding"""
    return (tokens != PADDING).unsqueeze(1).unsqueeze(1)


def gated_convolution(width: int) -> nn.Conv1d:
    """To D_MODEL numbers and their gates, Xavier-uniform each by itself; biases zero."""
    module = nn.Conv1d(D_MODEL, 2 * D_MODEL, width)
    for part in module.weight.detach().chunk(2):
        nn.init.xavier_uniform_(part)
    nn.init.zeros_(module.get_parameter("bias"))
    return module


def causal_convolution(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """x [batch, position, D_MODEL] -> [batch, position, outputs]: none reads a later position."""
    (width,) = layer.kernel_size
    return layer(F.pad(x.transpose(1, 2), (width - 1, 0))).transpose(1, 2)


def centred_convolution(layer: nn.Conv1d, x: Tensor, real: Tensor) -> Tensor:
    """x [batch, position, D_MODEL], real [batch, 1, 1, position] -> [batch, position, outputs]

    Padding counts as zero, as what is beyond both ends does.
    """
    side = layer.kernel_size[0] // 2
    inputs = x.transpose(1, 2).masked_fill(~real.squeeze(1), 0.0)
    return layer(F.pad(inputs, (side, side))).transpose(1, 2)


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


class LastInputs:
    """What a convolution has read last, of each hypothesis; a step replaces the oldest."""

    def __init__(self) -> None:
        self.inputs: Tensor | None = None

    def advance(self, layer: nn.Conv1d, x: Tensor, parent: Tensor) -> Tensor:
        """Reads the newest position, x [batch, beam, D_MODEL], after what `parent` [batch, beam]

        had read -> [batch, beam, outputs]
        """
        newest = x.unsqueeze(3)
        if self.inputs is None:
            inputs = F.pad(newest, (layer.kernel_size[0] - 1, 0))
        else:
            inputs = torch.cat((of_parents(self.inputs, parent), newest), dim=3)
        self.inputs = inputs[..., 1:]
        return layer(inputs.flatten(0, 1)).view(*parent.shape, -1)

    def fill(self, layer: nn.Conv1d, x: Tensor) -> Tensor:
        """Reads the first positions, x [batch, position, D_MODEL] -> outputs of all of them"""
        inputs = F.pad(x.transpose(1, 2), (layer.kernel_size[0] - 1, 0))
        self.inputs = inputs[:, :, x.size(1) :].unsqueeze(1)
        return layer(inputs).transpose(1, 2)

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        if self.inputs is not None:
            self.inputs = self.inputs[sentences]


class Lineage:
    """Which slots of the caches each hypothesis descends from; a step adds a slot for each.

    When a beam turns to other hypotheses no cache is moved: only this mask changes.
    """

    def __init__(self, batch: int, device: torch.device) -> None:
        self.position = -1
        self.mask = torch.ones(batch, 1, 0, dtype=torch.bool, device=device)

    def fill(self, length: int) -> None:
        """Begins with `length` positions of one hypothesis for each sentence."""
        self.mask = self.mask.new_ones(self.mask.size(0), 1, length)
        self.position = length - 1

    def extend(self, parent: Tensor) -> None:
        """Goes on by one position: parent [batch, beam] is what each new hypothesis continues."""
        batch, beam = parent.shape
        old = self.mask.gather(1, parent.unsqueeze(2).expand(-1, -1, self.mask.size(2)))
        own = torch.eye(beam, dtype=torch.bool, device=parent.device).expand(batch, -1, -1)
        self.mask = torch.cat((old, own), dim=2)
        self.position += 1

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.mask = self.mask[sentences]


class EncoderConvolution(nn.Module):
    """A convolution gated by another: a position reads CONVOLUTION_WIDTH, its own in their
    middle (GLU, Gehring et al. 2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = gated_convolution(CONVOLUTION_WIDTH)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        hidden, gate = centred_convolution(self.convolution, x, source_mask).chunk(2, dim=-1)
        return hidden * torch.sigmoid(gate)


class DecoderConvolution(nn.Module):
    """A convolution gated by another: a position reads CONVOLUTION_WIDTH, the last of them its
    own (GLU, Gehring et al. 2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = gated_convolution(CONVOLUTION_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, target, D_MODEL] -> [batch, target, D_MODEL]"""
        hidden, gate = causal_convolution(self.convolution, x).chunk(2, dim=-1)
        return hidden * torch.sigmoid(gate)

    def start(self) -> LastInputs:
        """Empty as yet."""
        return LastInputs()

    def step(self, x: Tensor, state: LastInputs, parent: Tensor) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        hidden, gate = state.advance(self.convolution, x, parent).chunk(2, dim=-1)
        return hidden * torch.sigmoid(gate)

    def prefill(self, x: Tensor, state: LastInputs) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL] -> [batch, target, D_MODEL]
        """
        hidden, gate = state.fill(self.convolution, x).chunk(2, dim=-1)
        return hidden * torch.sigmoid(gate)


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


class EncoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = EncoderConvolution()
        self.convolution_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, source, D_MODEL], source_mask [batch, 1, 1, source]
        -> [batch, source, D_MODEL]
        """
        y = self.convolution(self.convolution_norm(x), source_mask)
        return x + dropout(y, DROPOUT, self.training)


@dataclass
class DecoderLayerState:
    """What is kept from one step to the next, for the sentences of a batch."""

    convolution: LastInputs
    cross_attention: CrossAttentionState

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.convolution.keep(sentences)
        self.cross_attention.keep(sentences)


class DecoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = DecoderConvolution()
        self.convolution_norm = nn.LayerNorm(D_MODEL, NORM_EPS)
        self.cross_attention = CrossAttention()
        self.cross_attention_norm = nn.LayerNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """x [batch, target, D_MODEL], memory [batch, source, D_MODEL],
        source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.convolution(self.convolution_norm(x))
        x = x + dropout(y, DROPOUT, self.training)
        y = self.cross_attention(self.cross_attention_norm(x), memory, source_mask)
        return x + dropout(y, DROPOUT, self.training)

    def start(self, memory: Tensor) -> DecoderLayerState:
        """What is the same at every step, computed once."""
        return DecoderLayerState(self.convolution.start(), self.cross_attention.start(memory))

    def step(
        self, x: Tensor, source_mask: Tensor, state: DecoderLayerState, parent: Tensor
    ) -> Tensor:
        """The newest position of each hypothesis.

        x [batch, beam, D_MODEL], source_mask [batch, 1, 1, source], parent [batch, beam]
        -> [batch, beam, D_MODEL]
        """
        y = self.convolution.step(self.convolution_norm(x), state.convolution, parent)
        x = x + y
        y = self.cross_attention.step(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        return x + y

    def prefill(self, x: Tensor, source_mask: Tensor, state: DecoderLayerState) -> Tensor:
        """The first positions, into an empty state.

        x [batch, target, D_MODEL], source_mask [batch, 1, 1, source] -> [batch, target, D_MODEL]
        """
        y = self.convolution.prefill(self.convolution_norm(x), state.convolution)
        x = x + y
        y = self.cross_attention.prefill(
            self.cross_attention_norm(x), source_mask, state.cross_attention
        )
        return x + y


class Encoder(nn.Module):
    """ENCODER_LAYERS layers and a norm after the last (section 3.1)."""

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


class Decoder(nn.Module):
    """DECODER_LAYERS layers and a norm after the last (section 3.1)."""

    def __init__(self) -> None:
        super().__init__()
        layers = [DecoderLayer() for _ in range(DECODER_LAYERS)]
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
    lineage: Lineage

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these."""
        self.source_mask = self.source_mask[sentences]
        for state in self.decoder:
            state.keep(sentences)
        self.lineage.keep(sentences)


class Transformer(nn.Module):
    """Encoder and decoder; one table embeds source and target and projects to tokens (sections
    3.1 and 3.4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = embedding(VOCABULARY)
        self.source_position = position_embedding(MAX_LENGTH)
        self.target_position = position_embedding(MAX_LENGTH)
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, VOCABULARY]"""
        return self.project(self.features(source, target))

    def encode(self, source: Tensor) -> Tensor:
        """source [batch, source] -> [batch, source, D_MODEL]"""
        x = self.embedding(source) * math.sqrt(D_MODEL)
        x = x + learned_positions(self.source_position, 0, source.size(1))
        x = dropout(x, DROPOUT, self.training)
        return self.encoder(x, real_tokens(source))

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """source [batch, source], target [batch, target] -> [batch, target, D_MODEL]"""
        memory = self.encode(source)
        source_mask = real_tokens(source)
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = x + learned_positions(self.target_position, 0, target.size(1))
        x = dropout(x, DROPOUT, self.training)
        return self.decoder(x, memory, source_mask)

    def project(self, features: Tensor) -> Tensor:
        """features [..., D_MODEL] -> [..., VOCABULARY]"""
        return F.linear(features, self.embedding.weight)

    def start(self, source: Tensor) -> TransformerState:
        """What is the same at every step, computed once."""
        memory = self.encode(source)
        source_mask = real_tokens(source)
        return TransformerState(
            source_mask, self.decoder.start(memory), Lineage(source.size(0), source.device)
        )

    def step(self, token: Tensor, parent: Tensor, state: TransformerState) -> Tensor:
        """The newest token of each hypothesis, and the hypothesis of the step before that it
        continues; the first step continues the empty one, 0.

        token [batch, beam], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        state.lineage.extend(parent)
        x = self.embedding(token) * math.sqrt(D_MODEL)
        x = x + learned_positions(self.target_position, state.lineage.position, 1)
        return self.decoder.step(x, state.source_mask, state.decoder, parent)

    def prefill(self, target: Tensor, state: TransformerState) -> Tensor:
        """The first tokens of each sentence at once, without padding, into a new state: gives what
        as many steps would.

        target [batch, target] -> [batch, target, D_MODEL]
        """
        state.lineage.fill(target.size(1))
        x = self.embedding(target) * math.sqrt(D_MODEL)
        x = x + learned_positions(self.target_position, 0, target.size(1))
        return self.decoder.prefill(x, state.source_mask, state.decoder)
